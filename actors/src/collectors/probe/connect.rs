//! Connections of probes: each is new, each step is timed, and the certificates that are shown are kept even where they
//! are refused.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use taskpulse_engine::certificate;
use taskpulse_engine::probe::days;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Figures, Phase, Trouble};
use crate::clock::now_ms;
use crate::files;

/// Longest wait for one address where a name has several.
const ONE_OF_MANY: Duration = Duration::from_secs(3);
/// Certificates of a chain that are looked at.
const MAX_CHAIN: usize = 10;
/// Largest file of authorities; that of Mozilla's has 220 kB.
const MAX_CA: u64 = 8 << 20;

/// How TLS is to be spoken.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Refuse certificates that cannot be verified.
    pub verify: bool,
    /// Authorities to trust in the place of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// Where bytes go and come from.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to a host (a name or an address, that of IPv6 without brackets), with TLS where it is asked for.
pub(super) async fn connect(
    host: &str,
    port: u16,
    tls: Option<&Tls>,
    alpn: &[&[u8]],
    lookup: &Lookup,
    seen: &mut Figures,
) -> Result<Box<dyn Stream>, Trouble> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let step = seen.begin(Phase::Resolve);
            let found = look_up(host, port, lookup).await.map_err(Trouble::Down)?;
            seen.end(step);
            found
        }
    };
    let step = seen.begin(Phase::Connect);
    let stream = first_that_answers(host, &addresses).await?;
    seen.end(step);
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let verifier = Arc::new(Recorder { judge: judge(tls).await?, provider: provider(), shown: Mutex::default() });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::CannotCheck(format!("TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    // A session that is taken up again would show no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Trouble::CannotCheck(format!("TLS: {host}: {error}")))?;
    let step = seen.begin(Phase::Tls);
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    seen.end(step);
    seen.cert_expiry = verifier.earliest_end();
    match shaken {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let ended = seen.cert_expiry.map(|end| now_ms() / 1_000 - end).filter(|ago| *ago >= 0);
            let note = ended.map(|ago| format!("; it ended {} ago", days(ago))).unwrap_or_default();
            Err(Trouble::Down(format!("TLS: {}{note}", plain(&error))))
        }
    }
}

/// Whether a look-up is under way. The system's cannot be given up: a second one while the first hangs would be one more
/// thread each time.
pub(super) type Lookup = Arc<AtomicBool>;

async fn look_up(host: &str, port: u16, under_way: &Lookup) -> Result<Vec<SocketAddr>, String> {
    if under_way.swap(true, Ordering::AcqRel) {
        return Err(format!("{host}: the look-up of its name has not come back yet"));
    }
    let (name, done) = (host.to_owned(), Arc::clone(under_way));
    let work = spawn_blocking(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        done.store(false, Ordering::Release);
        found
    });
    let found: std::io::Result<Vec<SocketAddr>> = work.await.map_err(|error| error.to_string())?;
    found.map_err(|error| format!("{host}: {}", plain(&error)))
}

async fn first_that_answers(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, Trouble> {
    let mut last = format!("{host} has no address");
    for address in addresses {
        let connecting = TcpStream::connect(address);
        let outcome = match addresses.len() {
            1 => connecting.await.map_err(|error| plain(&error)),
            _ => match timeout(ONE_OF_MANY, connecting).await {
                Ok(done) => done.map_err(|error| plain(&error)),
                Err(_) => Err(format!("no connection within {} s", ONE_OF_MANY.as_secs())),
            },
        };
        match outcome {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(why) => last = format!("{address}: {why}"),
        }
    }
    Err(Trouble::Down(last))
}

/// An error of the system without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).chars().take(300).collect()
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

type Judge = Arc<dyn ServerCertVerifier>;

/// Who decides on certificates; none where they are not verified.
async fn judge(tls: &Tls) -> Result<Option<Judge>, Trouble> {
    // The system's authorities take some milliseconds of reading: once is enough.
    static SYSTEM: OnceLock<Result<Judge, String>> = OnceLock::new();
    if !tls.verify {
        return Ok(None);
    }
    let path = tls.ca_file.clone();
    let work = spawn_blocking(move || match path {
        None => {
            let make = || rustls_platform_verifier::Verifier::new(provider()).map(|made| Arc::new(made) as Judge);
            SYSTEM.get_or_init(|| make().map_err(|error| format!("the system's authorities: {error}"))).clone()
        }
        Some(path) => {
            let at = |error: &dyn std::fmt::Display| format!("ca_file {}: {error}", path.display());
            let file = path.clone();
            let read = files::within(&path, files::PATIENCE, move || files::read(&file, MAX_CA).map_err(|error| error.to_string()));
            let pem = read.and_then(|read| read).map_err(|why| format!("ca_file {why}"))?;
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|error| at(&error))?).map_err(|error| at(&error))?;
            }
            let made = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            made.map(|made| made as Judge).map_err(|error| at(&error))
        }
    });
    let outcome = work.await.unwrap_or_else(|error| Err(error.to_string()));
    outcome.map(Some).map_err(Trouble::CannotCheck)
}

/// Lets another decide and keeps what was shown.
#[derive(Debug)]
struct Recorder {
    judge: Option<Judge>,
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

impl Recorder {
    /// When the first of the certificates shown ends, Unix seconds.
    fn earliest_end(&self) -> Option<i64> {
        self.shown.lock().iter().filter_map(|shown| certificate::not_after(shown).ok()).min()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.shown.lock() = [end_entity].into_iter().chain(intermediates).take(MAX_CHAIN).map(|c| c.clone().into_owned()).collect();
        match &self.judge {
            Some(judge) => judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
