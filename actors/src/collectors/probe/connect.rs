//! Connections of probes: each is new, each step is timed, and the server's certificates are kept even if they are refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use taskpulse_engine::certificate;
use taskpulse_engine::probe::days;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{CheckError, Figures, Phase};
use crate::clock::now_ms;
use crate::files::{self, ReadError, WaitError};

/// Longest wait for one address if a name has several.
const ONE_OF_MANY: Duration = Duration::from_secs(3);
/// Most certificates of a chain that are read.
const MAX_CHAIN: usize = 10;
/// Largest file of authorities, in bytes; Mozilla's has 220 kB.
const MAX_CA: u64 = 8 << 20;

/// TLS of a check.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Refuse certificates that cannot be verified.
    pub verify: bool,
    /// Authorities to trust instead of the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to a host (a name or an address, IPv6 without brackets), with TLS if `tls` is given.
pub(super) async fn connect(
    host: &str,
    port: u16,
    tls: Option<&Tls>,
    alpn: &[&[u8]],
    lookup: &Lookup,
    seen: &mut Figures,
) -> Result<Box<dyn Stream>, CheckError> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let step = seen.begin(Phase::Resolve);
            let found = look_up(host, port, lookup).await.map_err(|error| CheckError::Down(error.to_string()))?;
            seen.end(step);
            found
        }
    };
    let step = seen.begin(Phase::Connect);
    let stream = first_that_answers(host, &addresses).await?;
    seen.end(step);
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let verifier = Arc::new(Recorder {
        judge: judge(tls).await.map_err(|error| CheckError::CannotCheck(error.to_string()))?,
        provider: provider(),
        shown: Mutex::default(),
    });
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| CheckError::CannotCheck(format!("TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    // A resumed session would show no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    // Names in certificates have no dot at the end.
    let name = ServerName::try_from(host.strip_suffix('.').unwrap_or(host).to_owned())
        .map_err(|error| CheckError::CannotCheck(format!("TLS: {host}: {error}")))?;
    let step = seen.begin(Phase::Tls);
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    seen.end(step);
    seen.cert_expiry = verifier.earliest_end();
    match shaken {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => {
            let ended = seen.cert_expiry.map(|end| now_ms() / 1_000 - end).filter(|ago| *ago >= 0);
            let note = ended.map(|ago| format!("; it ended {} ago", days(ago))).unwrap_or_default();
            Err(CheckError::Down(format!("TLS: {}{note}", refusal(&plain(&error)))))
        }
    }
}

/// Why TLS failed; explained if the library gives only a name.
fn refusal(text: &str) -> String {
    const KNOWN: [(&str, &str); 3] = [
        ("CaUsedAsEndEntity", "it shows a certificate that is an authority's; ca_file with that certificate trusts it"),
        ("UnsupportedCertVersion", "its certificate is not of X.509 version 3; only tls_verify = false takes it"),
        ("UnknownIssuer", "nobody who is trusted signed its certificate (UnknownIssuer)"),
    ];
    KNOWN.iter().find(|(name, _)| text.contains(name)).map_or_else(|| text.to_owned(), |(_, words)| (*words).to_owned())
}

/// Whether a name lookup is under way. It cannot be cancelled, so a second one while the first hangs would cost one more thread
/// each time.
pub(super) type Lookup = Arc<AtomicBool>;

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error("{0}: the look-up of its name has not come back yet")]
    UnderWay(String),
    #[error("{host}: {}", plain(.error))]
    Failed { host: String, error: std::io::Error },
    #[error("the lookup panicked: {0}")]
    Panicked(#[from] JoinError),
}

async fn look_up(host: &str, port: u16, under_way: &Lookup) -> Result<Vec<SocketAddr>, LookupError> {
    if under_way.swap(true, Ordering::AcqRel) {
        return Err(LookupError::UnderWay(host.to_owned()));
    }
    let (name, done) = (host.to_owned(), Arc::clone(under_way));
    let work = spawn_blocking(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
        done.store(false, Ordering::Release);
        found
    });
    let found: std::io::Result<Vec<SocketAddr>> = work.await?;
    match found {
        Err(_) if is_localhost(host) => Ok(loopback(port)),
        found => found.map_err(|error| LookupError::Failed { host: host.to_owned(), error }),
    }
}

/// `localhost` and names below it are this machine (RFC 6761), even if the system does not know them.
fn is_localhost(host: &str) -> bool {
    host.strip_suffix('.').unwrap_or(host).rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

fn loopback(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

async fn first_that_answers(host: &str, addresses: &[SocketAddr]) -> Result<TcpStream, CheckError> {
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
    Err(CheckError::Down(last))
}

/// A system error without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).chars().take(300).collect()
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// What decides on certificates.
#[derive(Debug, Clone)]
enum Judge {
    /// Nobody: they are not verified.
    Nobody,
    /// The system's authorities.
    System(Arc<dyn ServerCertVerifier>),
    /// A file of certificates.
    File(Arc<Trusted>),
}

/// The certificates of a `ca_file`: authorities, or those of servers themselves.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    authorities: Arc<WebPkiServerVerifier>,
}

/// Why certificates cannot be verified.
#[derive(Debug, Clone, thiserror::Error)]
enum TrustError {
    #[error("the system's authorities: {0}")]
    System(String),
    #[error("ca_file {0}")]
    Unread(String),
    #[error("ca_file {}: {why}", .path.display())]
    NoCertificates { path: PathBuf, why: String },
    #[error("reading certificates panicked: {0}")]
    Panicked(String),
}

impl From<ReadError> for TrustError {
    fn from(error: ReadError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl From<WaitError> for TrustError {
    fn from(error: WaitError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl Trusted {
    fn read(path: PathBuf) -> Result<Self, TrustError> {
        let file = path.clone();
        let pem = files::within(&path, files::PATIENCE, move || files::read(&file, MAX_CA))??;
        Self::parse(&pem).map_err(|why| TrustError::NoCertificates { path, why })
    }

    /// The reason is in words of the library.
    fn parse(pem: &[u8]) -> Result<Self, String> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        let mut last = "there is no certificate in it".to_owned();
        for certificate in &certificates {
            // One that is no authority may be that of a server.
            if let Err(error) = roots.add(certificate.clone()) {
                last = error.to_string();
            }
        }
        let made = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self { certificates, authorities: made.map_err(|_| last)? })
    }

    /// As curl does: accepts certificates signed by an authority of the file, and those that are in the file themselves. The
    /// latter need no authority and may state any purpose; their time and name count all the same. A certificate without
    /// alternative names is matched by its common name.
    fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let by_authority = self.authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let named = match by_authority {
            Err(error) if self.certificates.contains(end_entity) => {
                let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
                let invalid = |error| Err(rustls::Error::InvalidCertificate(error));
                match (certificate::not_before(end_entity), certificate::not_after(end_entity)) {
                    (Some(begin), _) if begin > seconds => return invalid(CertificateError::NotValidYet),
                    (_, Ok(end)) if end < seconds => return invalid(CertificateError::Expired),
                    (Some(_), Ok(_)) => verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name),
                    _ => Err(error),
                }
            }
            other => other.map(|_| ()),
        };
        match named {
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }))
                if presented.is_empty() && has_common_name(end_entity, server_name) =>
            {
                Ok(())
            }
            other => other,
        }
        .map(|()| ServerCertVerified::assertion())
    }
}

fn has_common_name(certificate: &[u8], server_name: &ServerName<'_>) -> bool {
    certificate::common_name(certificate).is_some_and(|name| certificate::names_host(&name, &server_name.to_str()))
}

async fn judge(tls: &Tls) -> Result<Judge, TrustError> {
    // Reading the system's authorities takes some milliseconds: once is enough.
    static SYSTEM: OnceLock<Result<Judge, TrustError>> = OnceLock::new();
    if !tls.verify {
        return Ok(Judge::Nobody);
    }
    let path = tls.ca_file.clone();
    let work = spawn_blocking(move || match path {
        None => {
            let make = || rustls_platform_verifier::Verifier::new(provider()).map(|made| Judge::System(Arc::new(made)));
            SYSTEM.get_or_init(|| make().map_err(|error| TrustError::System(error.to_string()))).clone()
        }
        Some(path) => Trusted::read(path).map(|trusted| Judge::File(Arc::new(trusted))),
    });
    work.await.unwrap_or_else(|error| Err(TrustError::Panicked(error.to_string())))
}

/// Lets the judge decide and keeps the certificates. Without verification, certificates are not even parsed: old versions, short keys, weak
/// or broken signatures are accepted, and signatures of the handshake are not verified.
#[derive(Debug)]
struct Recorder {
    judge: Judge,
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

/// Signature schemes that servers may use without verification.
const ANY_SCHEME: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::ECDSA_SHA1_Legacy,
    SignatureScheme::RSA_PKCS1_SHA1,
];

impl Recorder {
    /// The earliest end of the certificates, Unix seconds.
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
            Judge::Nobody => Ok(ServerCertVerified::assertion()),
            Judge::System(judge) => judge.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            Judge::File(trusted) => trusted.verify(end_entity, intermediates, server_name, ocsp_response, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.judge {
            Judge::Nobody => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match self.judge {
            Judge::Nobody => Ok(HandshakeSignatureValid::assertion()),
            _ => verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self.judge {
            Judge::Nobody => ANY_SCHEME.to_vec(),
            _ => self.provider.signature_verification_algorithms.supported_schemes(),
        }
    }
}
