use std::hint::black_box;
use std::net::IpAddr;

use base64ct::{Base64, Encoding};

use super::super::places::Caller;
use super::super::response::Sites;
use super::*;
use crate::keys::Key;

const PHRASE: &str = "nine purple otters juggle in Reykjavik";

/// A locked program, as somebody at this address sees it.
struct Locked {
    access: Access,
    from: IpAddr,
    now: Instant,
}

impl Locked {
    fn new(key: Key) -> Self {
        Self::at("192.0.2.9", Access::new([key].into_iter().collect(), false, "sender", 8080).unwrap())
    }

    fn at(from: &str, access: Access) -> Self {
        Self { access, from: from.parse().unwrap(), now: Instant::now() }
    }

    /// The status that a request with these fields is answered with, and the head; 200: it passes.
    fn ask(&self, line: &str, fields: &[&str], body: &str) -> (u16, String) {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: door\r\nContent-Length: {length}\r\n{fields}\r\n");
        let (mut request, _) = Request::parse(head.as_bytes()).unwrap().unwrap();
        request.body = body.as_bytes().to_vec();
        let (local, caller) = ("192.0.2.7".parse().unwrap(), Caller::new(self.from, None));
        let client = WebClient { address: self.from, local, caller: &caller };
        match self.access.check(&request, &client, self.now) {
            Ok(()) => (200, String::new()),
            Err(response) => {
                let text = String::from_utf8_lossy(response.body()).into_owned();
                (response.status(), response.head(true, Sites::Own) + &text)
            }
        }
    }

    fn get(&self, path: &str, fields: &[&str]) -> u16 {
        self.ask(&format!("GET {path}"), fields, "").0
    }

    fn by_basic(&self, password: &str) -> u16 {
        self.get("/metrics", &[&basic(password)])
    }

    /// Logs in by the form; what the cookie is to say.
    fn log_in(&self, password: &str) -> Option<String> {
        let (status, text) =
            self.ask("POST /login", &[], &format!("password={}", password.replace(' ', "+")));
        let cookie = text.lines().find_map(|line| line.strip_prefix("Set-Cookie: "))?;
        assert_eq!(status, 303, "{text}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        Some(format!("Cookie: {}", cookie.split(';').next().unwrap()))
    }
}

fn basic(password: &str) -> String {
    format!("Authorization: Basic {}", Base64::encode_string(format!("any:{password}").as_bytes()))
}

fn code() -> String {
    Key::code(&[7; 16]).to_string()
}

#[test]
fn people_are_shown_a_form_and_programs_are_asked_for_a_password() {
    let locked = Locked::new(Key::from_random(&[7; 16]));
    let (status, head) = locked.ask("GET /", &["Accept: text/html,*/*;q=0.8"], "");
    assert!(status == 401 && head.contains("<form") && head.contains("form-action 'self'"), "{head}");
    assert!(!head.contains("WWW-Authenticate"), "a browser shows no question of its own: {head}");
    assert!(head.contains("Whoever listens"), "it is not encrypted: {head}");
    let (status, head) = locked.ask("GET /metrics", &["Accept: */*"], "");
    assert!(status == 401 && head.contains("WWW-Authenticate: Basic ") && !head.contains("<form"), "{head}");
    for of_a_page in ["Sec-Fetch-Site: same-origin", "Cookie: chunkcast-8080=of-another-run"] {
        let (status, head) = locked.ask("GET /live.json", &[of_a_page], "");
        assert!(status == 401 && !head.contains("WWW-Authenticate"), "{head}");
    }
    // The form is made of these.
    assert_eq!((locked.get("/page.css", &[]), locked.get("/icon.svg", &[])), (200, 200));
    assert_eq!(locked.ask("POST /page.css", &[], "").0, 401);
}

#[test]
fn a_code_or_phrase_opens_everything_and_nothing_else_does() {
    for (key, password) in
        [(Key::from_random(&[7; 16]), code()), (Key::from_phrase(PHRASE).unwrap(), PHRASE.to_owned())]
    {
        let locked = Locked::new(key);
        assert_eq!((locked.by_basic(&password), locked.by_basic(&format!(" {password} "))), (200, 200));
        let cookie = locked.log_in(&password).unwrap();
        for path in ["/", "/stream.mjpeg", "/stats.json", "/nowhere"] {
            assert_eq!(locked.get(path, &[&cookie]), 200, "{path}");
        }
        assert_eq!(locked.ask("POST /snapshot", &[&cookie], "").0, 200);
        assert_eq!(locked.get("/login", &[&cookie]), 303);
        assert_eq!(locked.get("/", &["Cookie: chunkcast-8080="]), 401);
        assert_eq!(locked.get("/", &[&cookie.replace("8080", "8081")]), 401, "of another program here");
        assert_eq!((locked.by_basic(&password[1..]), locked.by_basic(&"x".repeat(9000))), (401, 401));
        assert_eq!(locked.log_in(""), None);
        assert_eq!(locked.ask("POST /login", &[], "").0, 401);
        assert_eq!(locked.ask("POST /login", &["Origin: http://evil.example"], "password=x").0, 403);
    }
}

#[test]
fn who_is_wrong_too_often_waits_and_who_has_a_cookie_does_not() {
    let mut locked = Locked::new(Key::from_random(&[7; 16]));
    let cookie = locked.log_in(&code()).unwrap();
    for _ in 0..5 {
        assert_eq!(locked.by_basic("wrong"), 401);
    }
    let (status, head) = locked.ask("GET /", &[&basic(&code())], "");
    assert!(status == 429 && head.contains("\r\nRetry-After: 60\r\n"), "{head}");
    assert!(head.contains("wait for 60 seconds"), "{head}");
    assert_eq!(locked.log_in(&code()), None, "nor by the form");
    assert_eq!(locked.get("/", &[]), 401, "he may ask what he likes, but not try");
    assert_eq!(locked.get("/", &[&cookie]), 200);
    locked.from = "192.0.2.10".parse().unwrap();
    assert_eq!(locked.by_basic(&code()), 200, "somebody else");
    locked.from = "192.0.2.9".parse().unwrap();
    locked.now += Duration::from_secs(60);
    assert_eq!(locked.by_basic(&code()), 200);
    // Who is right is never counted.
    assert!((0..1000).all(|_| locked.by_basic(&code()) == 200));
}

#[test]
fn a_slip_in_a_code_is_told_to_who_types_it() {
    let locked = Locked::new(Key::from_random(&[7; 16]));
    let body = format!("password={}", code().rsplit_once(' ').unwrap().0.replace(' ', "+"));
    let (status, page) = locked.ask("POST /login", &["Accept: text/html"], &body);
    assert!(status == 401 && page.contains("this has 11"), "{page}");
}

#[test]
fn this_computer_is_asked_too_unless_it_is_said() {
    let access = |is_open_here| {
        let keys = [Key::from_random(&[7; 16])].into_iter().collect();
        Access::new(keys, is_open_here, "receiver", 8080).unwrap()
    };
    for here in ["127.0.0.1", "192.0.2.7", "::ffff:127.0.0.1"] {
        assert_eq!(Locked::at(here, access(false)).get("/", &[]), 401, "{here}");
        let open = Locked::at(here, access(true));
        assert_eq!(open.get("/", &[]), 200, "{here}");
        assert_eq!(open.get("/", &["X-Forwarded-For: 192.0.2.9"]), 401, "a proxy asks for somebody else");
    }
    assert_eq!(Locked::at("192.0.2.9", access(true)).get("/", &[]), 401);
}

#[test]
fn without_a_key_nobody_is_asked_and_with_the_first_everybody_is() {
    let keys = PageKeys::default();
    let open = Locked::at("192.0.2.9", Access::new(keys.clone(), false, "receiver", 8080).unwrap());
    assert_eq!(open.get("/", &[]), 200);
    assert_eq!(open.ask("POST /login", &[], "").0, 200, "there is none");
    keys.add(Key::from_random(&[7; 16]));
    assert_eq!((open.get("/", &[]), open.by_basic(&code())), (401, 200));
    keys.add(Key::from_phrase(PHRASE).unwrap());
    keys.add(Key::from_random(&[7; 16]));
    assert_eq!((keys.count(), open.by_basic(PHRASE), open.by_basic(&code())), (2, 200, 200));
}

#[test]
fn how_much_of_a_password_is_right_does_not_show_in_the_time_that_it_takes() {
    let key = Key::from_phrase(PHRASE).unwrap();
    let (nothing, nearly) = ("x".repeat(PHRASE.len()), format!("{}x", &PHRASE[..PHRASE.len() - 1]));
    let tries = [&*nothing, &*nearly, PHRASE];
    // The medians of 10,000 each, in turn: what else the computer does meets all alike, but for once in a while.
    let is_even = || {
        let mut times = [const { Vec::new() }; 3];
        for at in 0..30_000 {
            let begun = Instant::now();
            black_box(key.is_made_of(black_box(tries[at % 3])));
            times[at % 3].push(begun.elapsed());
        }
        let mut medians = times.map(|mut times| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64()
        });
        medians.sort_unstable_by(f64::total_cmp);
        medians[2] < 1.03 * medians[0]
    };
    assert!((0..5).any(|_| is_even()));
}
