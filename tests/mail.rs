//! Mails to a real SMTP server (PyPI `aiosmtpd`): STARTTLS, a login, one mail a group; a server that is gone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::peer::{Running, port_of, python_environment};
use common::receiver::{LONG_QUEUE, QUIET, channel, fires};
use common::{Folder, eventually};
use serde_json::{Value, json};

/// A server that asks for STARTTLS and a login, and prints each mail between two lines.
const SERVER: &str = r#"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

class Handler:
    async def handle_DATA(self, server, session, envelope):
        with open(sys.argv[3], "a") as out:
            out.write("MAIL %s %s\n%s\nEND\n" % (envelope.mail_from, envelope.rcpt_tos, envelope.content.decode("utf8")))
        return "250 OK"

def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", b"s3cret")
    return AuthResult(success=right, handled=False if not right else True)

async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    make = lambda: SMTP(Handler(), require_starttls=True, tls_context=context, authenticator=authenticate, auth_required=True)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", int(sys.argv[4]))
    print("listening on 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"#;

fn certificate(dir: &Path, authority: bool) {
    let arguments = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:";
    let arguments = format!("{arguments}{}", if authority { "TRUE" } else { "FALSE" });
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn start(python: &Path, dir: &Path, port: u16) -> (Running, u16) {
    let mut command = Command::new(python.join("python"));
    command.args(["-c", SERVER, "cert.pem", "key.pem", "mails", &port.to_string()]).current_dir(dir);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let port = port_of(child.stdout.take().unwrap(), "listening on");
    (Running(child), port)
}

#[test]
fn a_mail_is_sent_over_starttls_with_a_login_and_waits_while_the_server_is_gone() {
    let Some(python) = python_environment("smtp-python", &["aiosmtpd==1.4.6"], "aiosmtpd") else { return };
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path(), false);
    let (smtp, port) = start(&python, dir.path(), 0);
    let mails = || std::fs::read_to_string(dir.path().join("mails")).unwrap_or_default();
    let folder = Folder::with_settings(&format!(
        "{QUIET}{LONG_QUEUE}[notify]\ngroup_interval = \"1s\"\n[notify.channels.mail]\nkind = \"email\"\nhost = \"localhost\"\nport = {port}\n\
         ca_file = \"{}\"\nusername = \"me\"\npassword = \"s3cret\"\nfrom = \"Taskpulse <pulse@example.org>\"\nto = [\"a@example.org\", \"b@example.org\"]\n",
        dir.path().join("cert.pem").display()
    ));
    let service = folder.start();
    folder.pending_tasks(8);
    fires(&service);
    let sent = eventually("a mail", || Some(mails()).filter(|mails| mails.contains("END\n")));
    assert!(sent.starts_with("MAIL pulse@example.org ['a@example.org', 'b@example.org']\n"), "{sent}");
    assert!(sent.contains("Subject: [Taskpulse] error: ") && sent.contains("long_queue"), "{sent}");
    let header = |name: &str| sent.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    assert!(header("Message-ID: ").is_some_and(|id| id.ends_with("@example.org>")), "{sent}");
    let thread = header("References: ").expect("a thread");

    drop(smtp);
    folder.pending_tasks(2);
    let failing = eventually("the server is gone", || Some(channel(&service, "mail")).filter(|channel| channel["state"] == "failing"));
    assert_eq!((&failing["waiting"], &failing["target"]), (&json!(1), &json!(format!("localhost:{port}"))));
    let (_smtp, _) = start(&python, dir.path(), port);
    eventually("the end comes once it is back", || mails().contains("Subject: [Taskpulse] ended: ").then_some(()));
    assert_eq!(mails().matches(&format!("References: {thread}")).count(), 2, "it joins the mail that it ends: {}", mails());
    assert!(!service.log().contains("s3cret") && !service.status().to_string().contains("s3cret"));
}

#[test]
fn a_certificate_that_a_server_may_not_use_says_what_would_be_right() {
    let Some(python) = python_environment("smtp-python", &["aiosmtpd==1.4.6"], "aiosmtpd") else { return };
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path(), true);
    let (_smtp, port) = start(&python, dir.path(), 0);
    let folder = Folder::with_settings(&format!(
        "{QUIET}[notify.channels.mail]\nkind = \"email\"\nhost = \"localhost\"\nport = {port}\nca_file = \"{}\"\n\
         from = \"pulse@example.org\"\nto = [\"a@example.org\"]\n",
        dir.path().join("cert.pem").display()
    ));
    let service = folder.start();
    let answer: Value = service.client.post(service.url("/api/v1/channels/mail/test")).send().unwrap().json().unwrap();
    let error = answer["data"]["error"].as_str().unwrap_or_default();
    assert!(error.contains("is an authority's (CA:TRUE)") && error.contains("ca_file"), "{answer}");
}
