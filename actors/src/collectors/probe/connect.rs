//! Connections of probes: each is new, each step is timed, and the certificates that are shown are kept even where they
//! are refused.

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
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{CheckError, Figures, Phase};
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
) -> Result<Box<dyn Stream>, CheckError> {
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let step = seen.begin(Phase::Resolve);
            let found = look_up(host, port, lookup).await.map_err(CheckError::Down)?;
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
        .map_err(|error| CheckError::CannotCheck(format!("TLS: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    // A session that is taken up again would show no certificate.
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    // The dot that ends a full name is no part of it in certificates.
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

/// Why TLS failed, in words where the library has only a name for it.
fn refusal(text: &str) -> String {
    const KNOWN: [(&str, &str); 3] = [
        ("CaUsedAsEndEntity", "it shows a certificate that is an authority's; ca_file with that certificate trusts it"),
        ("UnsupportedCertVersion", "its certificate is not of X.509 version 3; only tls_verify = false takes it"),
        ("UnknownIssuer", "nobody who is trusted signed its certificate (UnknownIssuer)"),
    ];
    KNOWN.iter().find(|(name, _)| text.contains(name)).map_or_else(|| text.to_owned(), |(_, words)| (*words).to_owned())
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
    found.or_else(|error| if is_localhost(host) { Ok(loopback(port)) } else { Err(format!("{host}: {}", plain(&error))) })
}

/// `localhost` and names below it are this machine (RFC 6761), whether or not the system knows them.
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

/// An error of the system without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).chars().take(300).collect()
}

fn provider() -> Arc<CryptoProvider> {
    CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()))
}

/// Who decides on certificates.
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

impl Trusted {
    fn read(pem: &[u8]) -> Result<Self, String> {
        let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let mut roots = RootCertStore::empty();
        let mut last = "there is no certificate in it".to_owned();
        for certificate in &certificates {
            // One that can be no authority may still be a server's own.
            if let Err(error) = roots.add(certificate.clone()) {
                last = error.to_string();
            }
        }
        let made = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        Ok(Self { certificates, authorities: made.map_err(|_| last)? })
    }

    /// As curl decides: by an authority of the file, or because the certificate itself is in it. That one needs no authority, whatever it
    /// says that it may be used for; its time and its name count all the same. One without alternative names is known by its
    /// common name.
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

async fn judge(tls: &Tls) -> Result<Judge, CheckError> {
    // The system's authorities take some milliseconds of reading: once is enough.
    static SYSTEM: OnceLock<Result<Judge, String>> = OnceLock::new();
    if !tls.verify {
        return Ok(Judge::Nobody);
    }
    let path = tls.ca_file.clone();
    let work = spawn_blocking(move || match path {
        None => {
            let make = || rustls_platform_verifier::Verifier::new(provider()).map(|made| Judge::System(Arc::new(made)));
            SYSTEM.get_or_init(|| make().map_err(|error| format!("the system's authorities: {error}"))).clone()
        }
        Some(path) => {
            let file = path.clone();
            let read = files::within(&path, files::PATIENCE, move || files::read(&file, MAX_CA).map_err(|error| error.to_string()));
            let pem = read.and_then(|read| read).map_err(|why| format!("ca_file {why}"))?;
            Trusted::read(&pem).map(|made| Judge::File(Arc::new(made))).map_err(|error| format!("ca_file {}: {error}", path.display()))
        }
    });
    let outcome = work.await.unwrap_or_else(|error| Err(error.to_string()));
    outcome.map_err(CheckError::CannotCheck)
}

/// Lets another decide and keeps what was shown. Where nobody decides, nothing of a certificate has to be understood: old versions, short
/// keys, weak or broken signatures are no hindrance, and no signature of the handshake is verified with a key that nobody vouches for.
#[derive(Debug)]
struct Recorder {
    judge: Judge,
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

/// Ways to sign that servers may use where nothing is verified.
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
