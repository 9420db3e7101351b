//! The pages of a program that has a key: nobody is shown anything who has it not, whichever way he asks.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::http::{Client, Response, ask, get};
use crate::common::{Folder, beside_others};
use crate::served::Served;
use proto::app::{PageKeys, WebArgs, WebPolicy};
use proto::keys::Key;

fn key() -> Key {
    Key::from_random(&[7; 16])
}

fn code() -> String {
    Key::code(&[7; 16]).to_string()
}

fn keys() -> PageKeys {
    [key()].into_iter().collect()
}

fn locked() -> Served {
    let args = WebArgs { viewers: 4, ..WebArgs::default() };
    let served = Served::serve(args, WebPolicy::default(), keys());
    served.put(0, 1, 1000);
    served.put(1, 1, 1000);
    served
}

/// Posts the form as a browser does.
fn post_form(served: &Served, password: &str) -> Response {
    let mut client = Client::connect(served.at);
    let body = format!("password={}", password.replace(' ', "+"));
    let length = format!("Content-Length: {}", body.len());
    let origin = format!("Origin: http://{}", served.at);
    client.request("POST", "/login", &[&length, &origin, "Accept: text/html", "Sec-Fetch-Site: same-origin"]);
    client.send(&body);
    client.answer(true)
}

fn cookie(answer: &Response) -> String {
    let cookie = answer.field("Set-Cookie").unwrap_or_else(|| panic!("{}", answer.head));
    format!("Cookie: {}", cookie.split(';').next().unwrap())
}

/// What standard output curl has for these arguments, and what it says of the status.
fn curl(arguments: &[&str]) -> (String, Vec<u8>) {
    let folder = Folder::new();
    let body = folder.join("body");
    let out = Command::new("curl")
        .args(["--silent", "--max-time", "10", "--output", &body, "--write-out", "%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    (String::from_utf8(out.stdout).unwrap(), std::fs::read(&body).unwrap_or_default())
}

/// All that there is to see or to do.
const PATHS: [&str; 10] = [
    "/",
    "/page.js",
    "/stream.mjpeg",
    "/stream.mjpeg?sender=all",
    "/snapshot.jpg",
    "/stats.json",
    "/live.json",
    "/metrics",
    "/healthz",
    "/nowhere",
];

#[test]
fn nobody_is_let_in_without_the_key_whichever_way_he_asks() {
    let _turn = beside_others();
    let served = locked();
    let own = format!("Host: {}", served.at);
    let of_another_run = cookie(&post_form(&locked(), &code()));
    let name = of_another_run.split(['=', ' ']).nth(1).unwrap().to_owned();

    // Whatever the verb.
    for path in PATHS {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "PROPFIND"] {
            let status = ask(served.at, method, path, &[]).status;
            assert!(matches!(status, 401 | 405), "{method} {path}: {status}");
        }
    }
    for action in ["/snapshot", "/past", "/login/"] {
        assert_eq!(ask(served.at, "POST", action, &[]).status, 401, "{action}");
    }
    // Whatever is sent with it: made-up cookies, those of another run, proxies' fields, a part, another name.
    let port = served.at.port();
    for field in [
        of_another_run.replace(&name, &format!("chunkcast-{port}")),
        format!("Cookie: chunkcast-{port}="),
        format!("Cookie: chunkcast-{port}={}", "0".repeat(32)),
        format!("Cookie: chunkcast-{port}=*; chunkcast-{port}=true"),
        "Cookie: session=1; logged_in=yes; admin=true".into(),
        "X-Forwarded-For: 127.0.0.1".into(),
        "X-Real-IP: 127.0.0.1".into(),
        "Forwarded: for=127.0.0.1;proto=https".into(),
        "X-Original-URL: /page.css".into(),
        "X-Rewrite-URL: /page.css".into(),
        "X-HTTP-Method-Override: GET".into(),
        "Range: bytes=0-99".into(),
        "If-None-Match: *".into(),
        "Upgrade: h2c".into(),
        "Authorization: Bearer x".into(),
        "Authorization: Basic".into(),
        "Authorization: Basic !!!!".into(),
        "Referer: http://localhost/".into(),
        "Sec-Fetch-Site: same-origin".into(),
        "Accept: text/html".into(),
    ] {
        for path in ["/stream.mjpeg", "/stats.json", "/"] {
            let answer = ask(served.at, "GET", path, &[&field]);
            assert_eq!(answer.status, 401, "{field} {path}");
        }
    }
    // Wherever it is said to lead.
    for path in [
        "//",
        "/./",
        "/../stats.json",
        "/page.css/../stats.json",
        "/page.css%2f..%2fstats.json",
        "/page.css;/stats.json",
        "/page.css%00/stats.json",
        "/icon.svg/",
        "/%73tats.json",
        "/STATS.JSON",
        "/stats.json?/page.css",
        "/stats.json?path=/page.css",
        "/stats.json#/page.css",
        "/login",
        "*",
        "stats.json",
        "\\stats.json",
        "https://localhost/stats.json",
        "http://localhost/stats.json",
        "http://127.0.0.1/stats.json?/page.css",
        "http://any:any@127.0.0.1/stats.json",
    ] {
        let status = ask(served.at, "GET", path, &[]).status;
        assert!(matches!(status, 400 | 401 | 421), "{path}: {status}");
    }
    assert_eq!(ask(served.at, "GET", "http://evil.example/stats.json", &[&own]).status, 421);
    for host in ["Host: evil.example", "Host: page.css", "Host: 0.0.0.0"] {
        assert_eq!(ask(served.at, "GET", "/stats.json", &[host]).status, 421, "{host}");
    }
    // Behind something that is allowed, in the same breath.
    let mut client = Client::connect(served.at);
    client.send(&format!("GET /page.css HTTP/1.1\r\n{own}\r\n\r\nGET /stats.json HTTP/1.1\r\n{own}\r\n\r\n"));
    assert_eq!((client.answer(true).status, client.answer(true).status), (200, 401));
    let login = format!(
        "POST /login HTTP/1.1\r\n{own}\r\nContent-Length: 10\r\n\r\npassword=xGET /stats.json HTTP/1.1\r\n{own}\r\n\r\n"
    );
    let mut client = Client::connect(served.at);
    client.send(&login);
    assert_eq!((client.answer(true).status, client.answer(true).status), (401, 401));
    // By HTTP/1.0, which needs no Host.
    let mut client = Client::connect(served.at);
    client.send("GET /stats.json HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer(true).status, 401);
    // By a form that is none: without a body, with another field, another kind, too long, in pieces, from elsewhere.
    assert_eq!(ask(served.at, "POST", "/login", &["Content-Length: 0"]).status, 401);
    let form = |body: &str, fields: &[&str]| {
        let mut client = Client::connect(served.at);
        client.request("POST", "/login", &[fields, &[&format!("Content-Length: {}", body.len())]].concat());
        client.send(body);
        client.answer(true).status
    };
    assert_eq!(form("{\"password\":true}", &["Content-Type: application/json"]), 401);
    assert_eq!(form(&format!("password={}", "x".repeat(5000)), &[]), 413);
    assert_eq!(ask(served.at, "POST", "/login", &["Transfer-Encoding: chunked"]).status, 413);
    assert_eq!(form(&format!("password={}", code()), &["Origin: http://evil.example"]), 403);
    assert_eq!(form(&format!("password={}", code()), &["Sec-Fetch-Site: cross-site"]), 403);
    // With the wrong password: here the bound on tries is reached.
    let user = format!("any:{} zoo", code());
    let status = curl(&["--user", &user, &format!("http://{}/stats.json", served.at)]).0;
    assert!(matches!(&*status, "401" | "429"), "{status}");
    assert!(served.site.asked.lock().unwrap().is_empty(), "nothing was done");
}

#[test]
fn the_form_gives_a_cookie_that_opens_everything_until_the_program_ends() {
    let served = locked();
    let form = ask(served.at, "GET", "/stats.json", &["Accept: text/html"]);
    assert_eq!((form.status, form.field("WWW-Authenticate")), (401, None));
    assert!(
        form.text().contains("Type the key of this receiver") && !form.text().contains("<script"),
        "{}",
        form.text()
    );
    assert_eq!(ask(served.at, "GET", "/login", &["Accept: text/html"]).text(), form.text());
    for part in ["/page.css", "/icon.svg"] {
        assert_eq!(get(served.at, part).status, 200, "{part}");
    }
    let wrong = post_form(&served, "abandon abandon");
    assert_eq!((wrong.status, wrong.field("Set-Cookie")), (401, None));
    assert!(wrong.text().contains("that is not the key"), "{}", wrong.text());
    let right = post_form(&served, &code().to_uppercase());
    assert_eq!((right.status, right.field("Location")), (303, Some("/")));
    let set = right.field("Set-Cookie").unwrap();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    let cookie = cookie(&right);
    for path in PATHS.iter().filter(|path| !path.contains("mjpeg") && **path != "/nowhere") {
        assert_eq!(ask(served.at, "GET", path, &[&cookie]).status, 200, "{path}");
    }
    assert_eq!(ask(served.at, "POST", "/snapshot", &[&cookie]).status, 200);
    assert_eq!(ask(served.at, "POST", "/snapshot", &[&cookie, "Origin: http://evil.example"]).status, 403);
    assert_eq!(
        ask(served.at, "GET", "/", &[&cookie, "Host: evil.example"]).status,
        421,
        "whatever else he has"
    );
    let mut client = Client::connect(served.at);
    client.request("GET", "/stream.mjpeg", &[&cookie]);
    assert!(client.head().unwrap().starts_with("HTTP/1.1 200") && client.line() == "--chunkcast\r\n");
    assert_eq!(client.part().unwrap().1.len(), 1000);
    drop(served);
    assert_eq!(ask(locked().at, "GET", "/stats.json", &[&cookie]).status, 401, "another run");
}

#[test]
fn programs_come_in_by_http_basic_whatever_name_they_give() {
    let served = locked();
    let url = |path: &str| format!("http://{}{path}", served.at);
    let user = format!("anybody:{}", code());
    for path in ["/metrics", "/stats.json", "/snapshot.jpg", "/healthz"] {
        assert_eq!(curl(&[&url(path)]).0, "401", "{path}");
        assert_eq!(curl(&["--user", &user, &url(path)]).0, "200", "{path}");
    }
    // As a program would that begins without, and is then asked.
    assert_eq!(curl(&["--anyauth", "--user", &user, &url("/stats.json")]).0, "200");
    let spelled = format!(":{}", code().replace(' ', "-"));
    let (status, stream) = curl(&["--user", &spelled, "--max-time", "1", &url("/stream.mjpeg")]);
    assert!(
        status == "200" && stream.starts_with(b"--chunkcast\r\nContent-Type: image/jpeg\r\n"),
        "{status}"
    );
    let asked = get(served.at, "/metrics");
    assert!(asked.field("WWW-Authenticate").unwrap().starts_with("Basic realm="), "{}", asked.head);
    assert!(asked.text().contains("curl --user"), "{}", asked.text());
}

#[test]
fn tries_are_bounded_and_a_cookie_is_not_held_up_by_them() {
    let served = locked();
    let cookie = cookie(&post_form(&served, &code()));
    for n in 0..5 {
        assert_eq!(post_form(&served, &format!("wrong {n}")).status, 401);
    }
    let begun = Instant::now();
    for _ in 0..200 {
        let refused = post_form(&served, &code());
        let wait: u64 = refused.field("Retry-After").unwrap().parse().unwrap();
        assert!(refused.status == 429 && (1..=60).contains(&wait), "{}", refused.head);
        assert!(refused.text().contains("too many wrong keys were tried"), "{}", refused.text());
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "nothing is stretched: {:?}", begun.elapsed());
    let status = curl(&["--user", &format!(":{}", code()), &format!("http://{}/stats.json", served.at)]).0;
    assert_eq!(status, "429");
    assert_eq!(ask(served.at, "GET", "/stats.json", &[&cookie]).status, 200);
}

#[test]
fn a_body_that_does_not_come_holds_nobody() {
    let _turn = beside_others();
    let served = locked();
    let mut stalled: Vec<Client> = (0..20)
        .map(|_| {
            let mut client = Client::connect(served.at);
            client.request("POST", "/login", &["Content-Length: 100"]);
            client.send("password=");
            client
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(get(served.at, "/stats.json").status, 401);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let late = stalled.last_mut().unwrap().answer(true);
    assert_eq!(late.status, 408, "{}", late.text());
    for client in &mut stalled {
        let head = client.head();
        assert!(head.as_ref().is_none_or(|head| head.starts_with("HTTP/1.1 408")), "{head:?}");
    }
}

#[test]
fn this_computer_need_not_show_the_key_where_that_is_said() {
    let policy = WebPolicy { open: true, ..WebPolicy::default() };
    let served = Served::serve(WebArgs { viewers: 4, ..WebArgs::default() }, policy, keys());
    assert_eq!(get(served.at, "/stats.json").status, 200);
    assert_eq!(ask(served.at, "GET", "/stats.json", &["X-Forwarded-For: 192.0.2.9"]).status, 401);
    assert_eq!(ask(served.at, "GET", "/stats.json", &["Host: evil.example"]).status, 421);
}

#[test]
fn a_key_that_is_added_ends_what_is_watched_without_it() {
    let keys = PageKeys::default();
    let served =
        Served::serve(WebArgs { viewers: 4, ..WebArgs::default() }, WebPolicy::default(), keys.clone());
    let mut watching = served.watch("/stream.mjpeg");
    served.put(0, 1, 1000);
    assert!(watching.part().is_some());
    keys.add(key());
    served.put(0, 2, 1000);
    assert!(watching.has_ended() && get(served.at, "/stream.mjpeg").status == 401);
}

#[test]
fn without_a_key_nothing_has_changed() {
    let served = Served::start(1);
    assert_eq!((get(served.at, "/login").status, get(served.at, "/stats.json").status), (404, 200));
    assert_eq!(ask(served.at, "POST", "/login", &[]).status, 405);
    assert_eq!(post_form(&served, &code()).status, 413);
    let answer = ask(served.at, "GET", "/stats.json", &["Authorization: Basic x", "Cookie: chunkcast-1=x"]);
    assert_eq!(
        (answer.status, answer.field("Set-Cookie"), answer.field("WWW-Authenticate")),
        (200, None, None)
    );
}
