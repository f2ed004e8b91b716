//! Mail over SMTP: one mail a notice, as plain text.

use std::time::Duration;

use lettre::message::{Mailbox, MessageBuilder, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use taskpulse_engine::model::clipped;
use taskpulse_engine::notices::{Notice, render};
use tokio::time::timeout;

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
        let mail = addressed.subject(format!("[Taskpulse] {}", render::title(notice))).header(ContentType::TEXT_PLAIN);
        mail.body(render::mail(notice, &(self.external_url)())).map_err(|error| error.to_string())
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
    clipped(&text, 300)
}
