//! Mail over SMTP: one mail a notice, as plain text.

use std::time::Duration;

use lettre::message::{Mailbox, MessageBuilder, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use taskpulse_engine::model::{clipped, fnv1a};
use taskpulse_engine::notices::{Notice, render};
use tokio::time::timeout;

use super::DIGEST;
use super::channel::{Delivery, DeliveryError, ExternalUrl, Transport};

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// STARTTLS, which the server must offer.
    StartTls,
    /// TLS from the start.
    Tls,
    /// None: for a server on this machine.
    None,
}

/// A server and how it is used.
pub struct EmailOptions {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// Certificates of authorities in PEM that are trusted beside those of the system.
    pub authorities: Option<Vec<u8>>,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// Who sends.
    pub from: Mailbox,
    /// Who gets it.
    pub to: Vec<Mailbox>,
    /// Longest time of a delivery.
    pub timeout: Duration,
}

/// A channel that sends mails.
pub struct Email {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    target: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
    external_url: ExternalUrl,
}

impl Email {
    /// A channel; nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub fn new(options: EmailOptions, external_url: ExternalUrl) -> Result<Self, String> {
        let EmailOptions { host, port, encryption, authorities, credentials, from, to, timeout } = options;
        let parameters = || {
            let mut parameters = TlsParameters::builder(host.clone());
            if let Some(pem) = &authorities {
                parameters = parameters.add_root_certificate(Certificate::from_pem(pem).map_err(|error| error.to_string())?);
            }
            parameters.build_rustls().map_err(|error| error.to_string())
        };
        let tls = match encryption {
            Encryption::StartTls => Tls::Required(parameters()?),
            Encryption::Tls => Tls::Wrapper(parameters()?),
            Encryption::None => Tls::None,
        };
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host).port(port).tls(tls).timeout(Some(timeout));
        if let Some((user, password)) = credentials {
            smtp = smtp.credentials(Credentials::new(user, password));
        }
        Ok(Self { smtp: smtp.build(), target: format!("{host}:{port}"), from, to, timeout, external_url })
    }

    fn message(&self, notice: &Notice) -> Result<Message, String> {
        let addressed: MessageBuilder = self.to.iter().fold(Message::builder().from(self.from.clone()), |mail, to| mail.to(to.clone()));
        let url = (self.external_url)();
        let domain = Some(self.from.email.domain()).filter(|domain| domain.is_ascii()).unwrap_or("taskpulse.invalid");
        // A mail that is sent again after a crash has the same id, so a receiver can tell.
        let id = format!("<{}.{:016x}@{domain}>", notice.at, fnv1a(notice.group.bytes().chain([0]).chain(url.bytes())));
        let mut mail =
            addressed.subject(format!("[Taskpulse] {}", render::title(notice))).header(ContentType::TEXT_PLAIN).message_id(Some(id));
        if let Some(thread) = thread_of(notice) {
            let root = format!("<{thread}@{domain}>");
            mail = mail.in_reply_to(root.clone()).references(root);
        }
        mail.body(render::mail(notice, &url)).map_err(|error| error.to_string())
    }
}

impl Transport for Email {
    fn kind(&self) -> &'static str {
        "email"
    }

    fn target(&self) -> String {
        self.target.clone()
    }

    fn deliver(&self, notice: &Notice, _: Option<&str>) -> Delivery {
        let (message, smtp, limit) = (self.message(notice), self.smtp.clone(), self.timeout);
        Box::pin(async move {
            let message = message.map_err(DeliveryError::notice)?;
            match timeout(limit, smtp.send(message)).await {
                Ok(Ok(_)) => Ok(None),
                // What is wrong with one mail is not wrong with the next.
                Ok(Err(error)) if error.is_permanent() => Err(DeliveryError::notice(reason(&error))),
                Ok(Err(error)) => Err(DeliveryError::channel(reason(&error))),
                Err(_) => Err(DeliveryError::channel(format!("no answer within {} s", limit.as_secs_f64()))),
            }
        })
    }
}

/// What joins the mails of a group into a thread, from the first to the ends: the alert that fired first. None for a digest, whose alerts have
/// nothing in common.
fn thread_of(notice: &Notice) -> Option<String> {
    let is_digest = notice.group.ends_with(DIGEST);
    let first = notice.alerts.iter().filter(|_| !is_digest).min_by_key(|alert| (alert.starts_at, &alert.id))?;
    let group = fnv1a(notice.group.bytes());
    Some(format!("{}.{:016x}.{group:016x}", first.starts_at, fnv1a(first.id.bytes())))
}

/// What would make a certificate acceptable, where the library gives only a name.
fn certificate_hint(text: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 4] = [
        (
            "CaUsedAsEndEntity",
            "the server shows a certificate that is an authority's (CA:TRUE), as `openssl req -x509` makes it; give the server one with CA:FALSE \
             (`-addext basicConstraints=critical,CA:FALSE`), and ca_file that certificate, or the one of the authority that signed it",
        ),
        (
            "UnknownIssuer",
            "nobody who is trusted signed the server's certificate; ca_file must hold the certificate of the authority that did",
        ),
        ("NotValidForName", "the server's certificate is for another name than `host`"),
        ("Expired", "the server's certificate has ended"),
    ];
    KNOWN.iter().find(|(name, _)| text.contains(name)).map(|(_, hint)| *hint)
}

/// The error with its causes, in one line.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    match certificate_hint(&text) {
        Some(hint) => format!("TLS: {hint}"),
        None => clipped(&text, 300),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    fn email() -> Email {
        let options = EmailOptions {
            host: "localhost".to_owned(),
            port: 25,
            encryption: Encryption::None,
            authorities: None,
            credentials: None,
            from: "Taskpulse <pulse@example.org>".parse().unwrap(),
            to: vec!["a@example.org".parse().unwrap()],
            timeout: Duration::from_secs(1),
        };
        Email::new(options, Arc::new(|| "http://here".to_owned())).unwrap()
    }

    fn headers(notice: &Notice) -> BTreeMap<String, String> {
        let mail = String::from_utf8(email().message(notice).unwrap().formatted()).unwrap();
        let head = mail.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        head.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn each_mail_has_an_id_of_its_own_and_those_of_one_group_are_a_thread() {
        let of = |at, alerts: Vec<_>| Notice::new("mail", "mail/1", BTreeMap::new(), at, alerts);
        let alert = |id: &str, starts_at| {
            let mut alert = Notice::test("mail", starts_at).alerts.remove(0);
            alert.id = id.to_owned();
            alert
        };
        let first = headers(&of(5, vec![alert("a", 1)]));
        let next = headers(&of(9, vec![alert("b", 2), alert("a", 1)]));
        assert_eq!(first["Message-ID"], headers(&of(5, vec![alert("a", 1)]))["Message-ID"], "that of one that is sent again is the same");
        assert_ne!(first["Message-ID"], next["Message-ID"]);
        assert!(first["Message-ID"].starts_with("<5.") && first["Message-ID"].ends_with("@example.org>"), "{first:?}");
        assert_eq!((&first["References"], &first["In-Reply-To"]), (&next["References"], &next["In-Reply-To"]));
        assert_ne!(headers(&of(9, vec![alert("a", 7)]))["References"], first["References"], "one that fires anew begins a thread");
        let digest = Notice { group: "mail/digest".to_owned(), ..of(5, vec![alert("a", 1)]) };
        assert!(!headers(&digest).contains_key("References"));
    }

    #[test]
    fn a_certificate_that_is_refused_says_what_would_be_right() {
        for (text, hint) in [
            ("Connection error: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:FALSE"),
            ("Connection error: invalid peer certificate: UnknownIssuer", "ca_file must hold the certificate of the authority"),
        ] {
            assert!(certificate_hint(text).is_some_and(|said| said.contains(hint)), "{text}");
        }
        assert_eq!(certificate_hint("Connection refused"), None);
    }
}
