//! The head of a request, read within bounds (RFC 9112).

use httparse::{EMPTY_HEADER, Error, Status};

use super::response::Response;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Where to, without the query.
    pub(super) path: String,
    /// What follows the question mark.
    pub(super) query: String,
    /// Whom it is for. Only HTTP/1.0, which no browser speaks, can leave it out.
    pub(super) host: Option<String>,
    /// Whether a proxy says that it asks for somebody else.
    pub(super) is_forwarded: bool,
    pub(super) origin: Option<String>,
    pub(super) fetch_site: Option<String>,
    /// Whether it came by HTTPS, here or to a proxy.
    pub(super) is_https: bool,
    /// Whether a page is wanted, as by whoever opens one in a browser.
    pub(super) accepts_html: bool,
    pub(super) authorization: Option<String>,
    pub(super) cookie_fields: Vec<String>,
    /// How long the body is that follows, which only whoever logs in sends; and what it is, once it is read.
    pub(super) body_length: usize,
    pub(super) body: Vec<u8>,
    /// Whether the connection may stay.
    pub(super) stays: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Method {
    #[default]
    Get,
    Head,
    Post,
}

impl Request {
    /// Reads the request at the beginning of `bytes` and returns its length with it; `None` if more is to come.
    ///
    /// # Errors
    /// What to answer.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Response> {
        let mut headers = [EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < LONGEST_HEAD => return Ok(None),
            Ok(Status::Partial) => return Err(Response::sentence(431, "the request's head is too long")),
            Err(Error::TooManyHeaders) => return Err(Response::sentence(431, "too many header fields")),
            Err(_) => return Err(Response::sentence(400, "this is no HTTP request")),
        };
        let method = match parsed.method {
            Some("GET") => Method::Get,
            Some("HEAD") => Method::Head,
            Some("POST") => Method::Post,
            _ => return Err(not_allowed()),
        };
        let fields = HeaderFields(parsed.headers);
        let mut host = fields.only("host")?;
        let mut target = parsed.path.unwrap_or_default();
        // A whole URL is what a proxy is asked for; its host is meant then (RFC 9112, 3.2.2).
        if let Some(rest) = target.strip_prefix("http://") {
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            (host, target) = (Some(authority.to_owned()), path);
        }
        if host.is_none() && parsed.version != Some(0) {
            return Err(Response::sentence(400, "the request has no Host"));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body_length = match fields.only("content-length")?.as_deref() {
            None | Some("0") => Some(0),
            Some(text) if method == Method::Post && path == LOGIN => form_length(text),
            Some(_) => None,
        };
        let Some(body_length) = body_length.filter(|_| !fields.has("transfer-encoding")) else {
            return Err(no_body());
        };
        let request = Self {
            method,
            path: if path.is_empty() { "/".into() } else { path.into() },
            query: query.into(),
            host,
            is_forwarded: FORWARDED.iter().any(|name| fields.has(name)),
            origin: fields.only("origin")?,
            fetch_site: fields.only("sec-fetch-site")?,
            is_https: fields.first("x-forwarded-proto").is_some_and(|scheme| scheme == "https"),
            accepts_html: fields
                .all("accept")
                .any(|kinds| memchr::memmem::find(kinds, b"text/html").is_some()),
            authorization: fields.first("authorization"),
            cookie_fields: fields.all("cookie").map(|value| String::from_utf8_lossy(value).into()).collect(),
            body_length,
            body: Vec::new(),
            stays: parsed.version == Some(1) && !fields.says_close(),
        };
        Ok(Some((request, length)))
    }

    /// What the cookies of this name say.
    pub(super) fn cookies(&self, name: &str) -> impl Iterator<Item = &str> {
        let pairs = self.cookie_fields.iter().flat_map(|cookies| cookies.split(';'));
        pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(move |(is, _)| *is == name)
            .map(|(_, value)| value)
    }

    /// The number that the query gives for `key`.
    ///
    /// # Errors
    /// What to answer if it is no number.
    pub(super) fn number(&self, key: &str) -> Result<Option<usize>, Response> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let wrong = |_| Response::sentence(400, &format!("{key}= takes a number from 0 on"));
        value.parse().map(Some).map_err(wrong)
    }

    /// What the query says for `key`.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(k, _)| *k == key).map(|(_, v)| v)
    }
}

struct HeaderFields<'a>(&'a [httparse::Header<'a>]);

impl HeaderFields<'_> {
    /// A field that may be there once.
    fn only(&self, name: &str) -> Result<Option<String>, Response> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() {
            return Err(Response::sentence(400, &format!("there is more than one {name}")));
        }
        Ok(first.map(|value| String::from_utf8_lossy(value).trim().to_owned()))
    }

    /// The first field of this name.
    fn first(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|value| String::from_utf8_lossy(value).trim().to_owned())
    }

    fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    fn says_close(&self) -> bool {
        self.all("connection").any(|value| {
            value.split(|&byte| byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
        })
    }

    fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }
}

/// How long a form is, if it may be.
fn form_length(text: &str) -> Option<usize> {
    let length = text.parse().ok().filter(|&length| length <= LONGEST_FORM);
    length.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A request has a body that is not wanted.
pub(super) fn no_body() -> Response {
    Response::sentence(413, "nothing is taken in here: send no body")
}

fn not_allowed() -> Response {
    Response::sentence(405, "only GET, HEAD and POST are known here").with("Allow: GET, HEAD, POST")
}

/// What proxies add, in one habit or another.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
/// The longest head of a request in bytes: a browser's have some hundreds, and all cookies of other services that are
/// called by the same name.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;
/// Where the form goes.
pub(super) const LOGIN: &str = "/login";
/// A password of a thousand bytes has three times as many in a form.
const LONGEST_FORM: usize = 4096;
/// A browser sends about twenty, and proxies add some.
const MOST_HEADERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> u16 {
        Request::parse(head.as_bytes()).unwrap_err().status()
    }

    fn whole(head: &str) -> Request {
        let (request, length) = Request::parse(head.as_bytes()).unwrap().unwrap();
        assert_eq!(length, head.len());
        request
    }

    #[test]
    fn a_request_is_taken_apart() {
        let request = whole("POST /past?sender=2&x= HTTP/1.1\r\nHost: a:1\r\nOrigin: http://a:1\r\n\r\n");
        assert_eq!((request.method, &*request.path), (Method::Post, "/past"));
        assert_eq!((request.host.as_deref(), request.is_forwarded), (Some("a:1"), false));
        assert!(whole("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n").is_forwarded);
        assert_eq!((request.number("sender").unwrap(), request.value("none")), (Some(2), None));
        assert!(request.number("x").is_err() && request.stays);
        assert_eq!(request.origin.as_deref(), Some("http://a:1"));
        assert!(!whole("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n").stays);
        assert!(!whole("GET / HTTP/1.0\r\nHost: a\r\n\r\n").stays);
        let absolute = whole("GET http://b:2?q=1 HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((absolute.host.as_deref(), &*absolute.path, &*absolute.query), (Some("b:2"), "/", "q=1"));
        // Load balancers and monitors ask so; the field is of HTTP/1.1.
        assert_eq!(whole("GET /healthz HTTP/1.0\r\n\r\n").host, None);
    }

    #[test]
    fn what_is_behind_a_request_is_left() {
        let two = "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n";
        let (request, length) = Request::parse(two.as_bytes()).unwrap().unwrap();
        assert_eq!((&*request.path, length), ("/a", two.len() / 2));
        for end in 0..two.len() / 2 {
            assert_eq!(Request::parse(&two.as_bytes()[..end]).unwrap(), None, "{end}");
        }
    }

    #[test]
    fn what_proves_who_asks_is_found_among_other_things() {
        let request = whole(
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1; chunkcast-1=x\r\nCookie: chunkcast-1=y=z;chunkcast-12=no\r\n\
             Accept: image/png, text/html;q=0.9\r\nAuthorization: Basic QQ==\r\nX-Forwarded-Proto: https\r\n\r\n",
        );
        assert_eq!(request.cookies("chunkcast-1").collect::<Vec<_>>(), ["x", "y=z"]);
        assert_eq!(request.cookies("chunkcast").count(), 0);
        assert_eq!(request.authorization.as_deref(), Some("Basic QQ=="));
        assert!(request.accepts_html && request.is_https);
        let form = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\npass";
        let (request, length) = Request::parse(form.as_bytes()).unwrap().unwrap();
        assert_eq!((request.body_length, length), (4, form.len() - 4), "the body is not a part of the head");
        for length in ["4097", "-1", "x", "99999999999999999999"] {
            let form = form.replace("Length: 4", &format!("Length: {length}"));
            assert_eq!(status(&form), 413, "{length}");
        }
        assert_eq!(status(&form.replace("POST", "GET")), 413);
        assert_eq!(status(&form.replace("/login", "/past")), 413);
    }

    #[test]
    fn cookies_of_other_services_have_room() {
        let cookies = format!("Cookie: {}\r\n", "x".repeat(20_000));
        let fields: String = (0..150).map(|n| format!("X-{n}: y\r\n")).collect();
        assert_eq!(whole(&format!("GET / HTTP/1.1\r\nHost: a\r\n{cookies}{fields}\r\n")).path, "/");
    }

    #[test]
    fn whatever_else_is_refused_by_name() {
        assert_eq!(status("hello\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
        assert_eq!(status("PUT / HTTP/1.1\r\nHost: a\r\n\r\n"), 405);
        assert_eq!(status("POST /past HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), 413);
        assert_eq!(status("POST /past HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 413);
        assert_eq!(status(&format!("GET /{} HTTP/1.1", "x".repeat(LONGEST_HEAD))), 431);
        let many = "x: y\r\n".repeat(MOST_HEADERS + 1);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{many}\r\n")), 431);
    }
}
