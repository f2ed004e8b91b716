//! A small HTTP server that answers as a test says, byte for byte.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request's method and path, its headers in lower case, and its body.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// Answers until the test is over.
pub struct Server {
    pub port: u16,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), answer, log) = (stream, Arc::clone(&answer), Arc::clone(&log)) else { continue };
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    let mut lines = reader.by_ref().lines().map_while(Result::ok);
                    let Some(first) = lines.next() else { return };
                    let word = |n: usize| first.split(' ').nth(n).unwrap_or("").to_owned();
                    let (method, path) = (word(0), word(1));
                    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
                        let (name, value) = line.split_once(':')?;
                        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
                    });
                    let headers: BTreeMap<String, String> = headers.collect();
                    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                    let mut body = vec![0; length];
                    if reader.read_exact(&mut body).is_err() {
                        return;
                    }
                    let asked = Asked { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() };
                    log.lock().unwrap().push(asked.path.clone());
                    answer(&asked, &mut stream);
                });
            }
        });
        Self { port, asked }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// A whole answer.
pub fn respond(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}
