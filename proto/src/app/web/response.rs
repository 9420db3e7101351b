//! A response, as it is written.

use std::borrow::Cow;
use std::fmt::Write;

/// An answer whose length is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    status: u16,
    kind: &'static str,
    fields: String,
    body: Cow<'static, [u8]>,
    policy: &'static str,
}

impl Response {
    /// An answer with this content.
    pub(super) fn new(status: u16, kind: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { status, kind, fields: String::new(), body: body.into(), policy: POLICY }
    }

    /// A page with a form that comes back here.
    pub(super) fn form(status: u16, page: String) -> Self {
        Self { policy: FORM_POLICY, ..Self::new(status, HTML, page.into_bytes()) }
    }

    /// An answer that is a sentence, for a person or a program that looks no further than the status.
    pub(super) fn sentence(status: u16, sentence: &str) -> Self {
        Self::new(status, TEXT, format!("{sentence}\n").into_bytes())
    }

    /// A resource of the page.
    pub(super) fn resource(kind: &'static str, text: &'static str) -> Self {
        Self::new(200, kind, text.as_bytes())
    }

    /// The same with one more header field.
    #[must_use]
    pub(super) fn with(mut self, field: &str) -> Self {
        let _ = write!(self.fields, "{field}\r\n");
        self
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Its head; `stays` says whether the connection is left open behind it.
    pub(super) fn head(&self, stays: bool, sites: Sites) -> String {
        let Self { status, kind, fields, body, policy } = self;
        let connection = if stays { "keep-alive" } else { "close" };
        let length = body.len();
        let fields = format!("Content-Length: {length}\r\nConnection: {connection}\r\n{fields}");
        head_with(*status, kind, policy, sites, &fields)
    }
}

/// The head of an answer, with these header fields and those that all have.
pub(super) fn head(status: u16, kind: &str, sites: Sites, fields: &str) -> String {
    head_with(status, kind, POLICY, sites, fields)
}

fn head_with(status: u16, kind: &str, policy: &str, sites: Sites, fields: &str) -> String {
    let (reason, sites) = (reason(status), sites.policy());
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\n{COMMON}{policy}\
         Cross-Origin-Resource-Policy: {sites}\r\n{fields}\r\n"
    )
}

/// Whose pages may show what is answered, as a browser is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sites {
    /// Our own: no page of others shows its visitors what their network's camera sees.
    Own,
    /// All.
    All,
}

impl Sites {
    fn policy(self) -> &'static str {
        match self {
            Self::Own => "same-origin",
            Self::All => "cross-origin",
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        303 => "See Other",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const JSON: &str = "application/json";
pub(super) const JPEG: &str = "image/jpeg";

/// Everything is of this moment, and is what it says.
const COMMON: &str = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
/// Everything is shown in no page of others; the page takes nothing from elsewhere.
const POLICY: &str = "Referrer-Policy: no-referrer\r\n\
    Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
/// A form's page has nothing beside it. Without a referrer, a browser would hide where what it posts comes from.
const FORM_POLICY: &str = "Referrer-Policy: same-origin\r\n\
    Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'\r\n";
