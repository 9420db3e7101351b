//! The HTTP server that both programs show themselves by, with a program made up for it: what it answers, whom it
//! refuses, and that nobody who watches holds up another.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::common::http::{Client, ask, field, get};
use crate::common::{beside_others, comes_to, pause, skip};
use crate::served::Served;
use proto::app::web::WebAction;
use proto::app::{Actions, WebPolicy};

fn id(head: &str) -> u64 {
    field(head, "X-Chunkcast-Frame").unwrap().parse().unwrap()
}

#[test]
fn a_viewer_who_stalls_gets_the_newest_when_he_reads_again_and_holds_up_nobody() {
    let _turn = beside_others();
    let served = Served::start(8);
    let (mut stalled, mut quick) = (served.watch("/stream.mjpeg"), served.watch("/stream.mjpeg"));
    let mut longest = Duration::ZERO;
    for number in 1..=300 {
        let begun = Instant::now();
        served.put(0, number, 200_000);
        longest = longest.max(begun.elapsed());
        let (head, jpeg) = quick.part().unwrap();
        assert_eq!((id(&head), jpeg[0], jpeg.len()), (number, number as u8, 200_000));
    }
    assert!(longest < Duration::from_secs(1), "whoever puts does not wait: {longest:?}");
    let mut seen = Vec::new();
    while seen.last() != Some(&300) {
        seen.push(id(&stalled.part().unwrap().0));
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    // Those that his system had taken before he stalled, and the newest.
    assert!(seen.len() < 60 && seen[seen.len() - 2] < 100, "{seen:?}");
}

#[test]
fn one_stream_can_have_the_pictures_of_all_senders() {
    let served = Served::start(1);
    let mut all = served.watch("/stream.mjpeg?sender=all");
    for number in 1..=20 {
        served.put(1, number, 10);
        let (head, _) = all.part().unwrap();
        assert_eq!((field(&head, "X-Chunkcast-Sender"), id(&head)), (Some("1"), number));
        served.put(0, number, 10);
        let (head, _) = all.part().unwrap();
        assert_eq!((field(&head, "X-Chunkcast-Sender"), id(&head)), (Some("0"), number));
        let captured = field(&head, "X-Chunkcast-Captured").unwrap();
        assert_eq!(captured.parse::<u64>().unwrap(), 1000 + number);
        assert!(field(&head, "X-Chunkcast-Captured-Ms").unwrap().parse::<f64>().unwrap() > 0.0);
    }
    assert_eq!(get(served.at, "/stream.mjpeg?sender=2").status, 404);
}

#[test]
fn viewers_are_bounded_and_one_who_leaves_makes_room() {
    let served = Served::start(2);
    let (first, _second) = (served.watch("/stream.mjpeg"), served.watch("/stream.mjpeg?sender=1"));
    let third = get(served.at, "/stream.mjpeg");
    assert_eq!(third.status, 503);
    assert!(third.text().contains("--http-viewers"), "{}", third.text());
    assert_eq!(get(served.at, "/stats.json").status, 200, "there is room for everything else");
    drop(first);
    let until = Instant::now() + Duration::from_secs(10);
    while ask(served.at, "HEAD", "/stream.mjpeg", &[]).status != 200 {
        assert!(Instant::now() < until, "the first one's place is never free");
        pause(10);
    }
}

#[test]
fn connections_are_bounded_and_the_one_too_many_is_told_so() {
    let served = Served::start(2);
    let mut idle: Vec<Client> = (0..18).map(|_| Client::connect(served.at)).collect();
    // Each has been answered, and so has its place.
    for client in &mut idle {
        client.request("HEAD", "/", &[]);
        assert_eq!(client.answer(false).status, 200);
    }
    let more = get(served.at, "/");
    assert_eq!(
        (more.status, more.text()),
        (503, "too many connections are open here; try again in a moment\n")
    );
    idle.truncate(17);
    let until = Instant::now() + Duration::from_secs(10);
    while get(served.at, "/").status != 200 {
        assert!(Instant::now() < until, "the place of one who left is never free");
        pause(10);
    }
}

#[test]
fn a_head_that_is_too_long_too_slow_or_none_is_refused_and_ends_the_connection() {
    let served = Served::start(1);
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(100_000));
    for (text, status) in [(&*long, 431), ("nonsense\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400)] {
        let mut client = Client::connect(served.at);
        client.send(text);
        let answer = client.answer(true);
        assert_eq!((answer.status, answer.field("Connection")), (status, Some("close")), "{}", answer.text());
        assert!(client.has_ended());
    }
    let mut slow = Client::connect(served.at);
    let begun = Instant::now();
    slow.send("GET / HT");
    assert_eq!(slow.answer(true).status, 408);
    assert!(slow.has_ended() && begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn a_wrong_host_is_refused_with_the_way_out() {
    let served = Served::start(1);
    for host in ["Host: evil.example", "Host: evil.example:80", "Host: 2130706433", "Host: 0.0.0.0"] {
        for (method, path) in [("GET", "/snapshot.jpg"), ("GET", "/stream.mjpeg"), ("POST", "/snapshot")] {
            let answer = ask(served.at, method, path, &[host]);
            assert_eq!(answer.status, 421, "{host} {path}");
            assert!(answer.text().contains("--http-host"), "{}", answer.text());
        }
    }
    // Who forwards a port to us, as for a container, has us asked by an address of his.
    for host in [
        "Host: localhost",
        "Host: 127.0.0.1:1",
        "Host: Bench3.Example:8080",
        "Host: 192.0.2.77:18080",
        "Host: [fd00::7]",
    ] {
        assert_eq!(ask(served.at, "GET", "/", &[host]).status, 200, "{host}");
    }
    assert!(served.site.asked.lock().unwrap().is_empty());
}

#[test]
fn actions_are_posted_by_our_own_page_or_a_program() {
    let served = Served::start(1);
    let own = format!("Origin: http://{}", served.at);
    let answer = ask(served.at, "POST", "/snapshot", &[&own, "Sec-Fetch-Site: same-origin"]);
    assert_eq!((answer.status, answer.text()), (200, "written to door.jpg\n"));
    let answer = ask(served.at, "POST", "/past?sender=1", &["Content-Length: 0"]);
    assert_eq!((answer.status, answer.text()), (409, "nothing is kept; start with --past 10s\n"));
    for refused in ["Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"] {
        assert_eq!(ask(served.at, "POST", "/snapshot", &[refused]).status, 403, "{refused}");
    }
    assert_eq!(ask(served.at, "GET", "/snapshot", &[]).status, 405, "a link or an image does nothing");
    assert_eq!(ask(served.at, "POST", "/", &[]).status, 405);
    assert_eq!(ask(served.at, "POST", "/past?sender=2", &[]).status, 404);
    assert_eq!(*served.site.asked.lock().unwrap(), [(WebAction::Snapshot, 0), (WebAction::Replay, 1)]);
}

#[test]
fn actions_are_for_who_is_here_and_one_of_each_kind_a_second() {
    let _turn = beside_others();
    let post = |served: &Served, fields: &[&str]| ask(served.at, "POST", "/snapshot", fields);
    let served = Served::start(1);
    assert_eq!(post(&served, &[]).status, 200);
    let refused = post(&served, &[]);
    assert_eq!((refused.status, refused.field("Retry-After")), (429, Some("1")));
    assert_eq!(ask(served.at, "POST", "/past", &[]).status, 409, "another kind");
    let refused = post(&served, &["X-Forwarded-For: 192.0.2.9"]);
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("--http-actions on"), "{}", refused.text());
    assert!(comes_to(|| post(&served, &[]).status == 200), "a second later");
    // Without end, as fast as can be: what is done is bounded by time.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2500) {
        post(&served, &[]);
    }
    let most = 3 + begun.elapsed().as_secs() as usize;
    let asked =
        served.site.asked.lock().unwrap().iter().filter(|(action, _)| *action == WebAction::Snapshot).count();
    assert!((3..=most + 1).contains(&asked), "{asked}");

    let may_act = |served: &Served, fields: &[&str]| {
        let live: serde_json::Value =
            serde_json::from_str(ask(served.at, "GET", "/live.json", fields).text()).unwrap();
        live["actions"].as_array().unwrap().len()
    };
    assert_eq!((may_act(&served, &[]), may_act(&served, &["X-Forwarded-For: 192.0.2.9"])), (2, 0));
    let off = Served::start_with(1, WebPolicy { actions: Actions::Off, ..WebPolicy::default() });
    assert_eq!((post(&off, &[]).status, may_act(&off, &[])), (403, 0));
    let on = Served::start_with(1, WebPolicy { actions: Actions::On, ..WebPolicy::default() });
    assert_eq!(post(&on, &["X-Forwarded-For: 192.0.2.9"]).status, 200);
}

#[test]
fn who_asks_has_the_place_of_who_has_long_asked_for_nothing() {
    let _turn = beside_others();
    let served = Served::start(8);
    let _idle: Vec<Client> = (0..24).map(|_| Client::connect(served.at)).collect();
    assert!(comes_to(|| get(served.at, "/stats.json").status == 200));
}

#[test]
fn monitors_and_cookies_of_other_services_are_served() {
    let served = Served::start(1);
    served.put(0, 1, 10);
    served.put(1, 1, 10);
    for text in ["GET /healthz HTTP/1.0\r\n\r\n", "HEAD /healthz HTTP/1.0\r\nX: y\r\n\r\n"] {
        let mut client = Client::connect(served.at);
        client.send(text);
        assert_eq!(client.answer(text.starts_with('G')).status, 200, "{text}");
        assert!(client.has_ended());
    }
    let cookies = format!("Cookie: {}", "x".repeat(20_000));
    let fields: Vec<String> = (0..120).map(|n| format!("X-{n}: y")).chain([cookies]).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    assert_eq!(ask(served.at, "GET", "/healthz", &fields).status, 200);
    // In single bytes, too.
    let mut client = Client::connect(served.at);
    for byte in format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", served.at).chars() {
        client.send(&byte.to_string());
    }
    assert_eq!(client.answer(true).status, 200);
}

#[test]
fn pictures_are_shown_in_pages_of_others_only_if_it_is_said() {
    for (embed, policy) in [(false, "same-origin"), (true, "cross-origin")] {
        let served = Served::start_with(1, WebPolicy { embed, ..WebPolicy::default() });
        served.put(0, 1, 10);
        for path in ["/", "/snapshot.jpg", "/nowhere"] {
            assert_eq!(get(served.at, path).field("Cross-Origin-Resource-Policy"), Some(policy), "{path}");
        }
        let head = ask(served.at, "HEAD", "/stream.mjpeg", &[]).head;
        assert!(head.contains(&format!("Cross-Origin-Resource-Policy: {policy}\r\n")), "{head}");
    }
}

#[test]
fn requests_share_a_connection_and_head_is_get_without_the_body() {
    let served = Served::start(1);
    let mut client = Client::connect(served.at);
    let mut lengths = Vec::new();
    for method in ["HEAD", "GET", "HEAD"] {
        client.request(method, "/page.js", &[]);
        let answer = client.answer(method == "GET");
        assert_eq!((answer.status, answer.field("Connection")), (200, Some("keep-alive")));
        lengths.push(answer.field("Content-Length").unwrap().to_owned());
    }
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
    // Two at once, the second with an end.
    let host = format!("Host: {}\r\n", served.at);
    client.send(&format!(
        "GET /healthz HTTP/1.1\r\n{host}\r\nGET /stats.json HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
    ));
    assert_eq!(client.answer(true).status, 503);
    assert!(client.answer(true).text().starts_with("{\"time\":1.5"));
    assert!(client.has_ended());
    let head = ask(served.at, "HEAD", "/stream.mjpeg", &[]).head;
    assert!(head.contains("multipart/x-mixed-replace; boundary=chunkcast"), "{head}");
}

#[test]
fn the_page_takes_nothing_from_elsewhere_and_is_in_no_page_of_others() {
    let served = Served::start(1);
    for path in ["/", "/page.js", "/page.css", "/stats.json", "/metrics", "/nowhere"] {
        let answer = get(served.at, path);
        let policy = answer.field("Content-Security-Policy").unwrap();
        assert!(
            policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.field("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(answer.field("Cache-Control"), Some("no-store"));
        assert_eq!(answer.field("Access-Control-Allow-Origin"), None);
        assert!(!answer.text().contains("https://") && !answer.text().contains("//cdn"), "{path}");
    }
}

#[test]
fn snapshot_and_health_speak_of_pictures_of_now_only() {
    let served = Served::start(1);
    for path in ["/snapshot.jpg", "/healthz"] {
        let answer = get(served.at, path);
        assert_eq!(answer.status, 503);
        assert!(answer.text().contains("no picture has come yet"), "{}", answer.text());
    }
    served.put(0, 5, 1000);
    let answer = get(served.at, "/snapshot.jpg");
    assert_eq!((answer.status, answer.body), (200, vec![5; 1000]));
    assert!(field(&answer.head, "X-Chunkcast-Age-Ms").unwrap().parse::<f64>().unwrap() < 3000.0);
    assert_eq!(get(served.at, "/healthz?sender=0").text(), "ok\n");
    assert_eq!(get(served.at, "/healthz").status, 503, "the other has none");
    served.site.is_gone.store(true, Ordering::Relaxed);
    let answer = get(served.at, "/healthz?sender=0");
    assert_eq!((answer.status, answer.text()), (503, "door: the sender has ended its stream\n"));
    served.site.is_gone.store(false, Ordering::Relaxed);
    pause(3100);
    assert_eq!(get(served.at, "/snapshot.jpg").text(), "the last picture came 3 s ago\n");
    assert_eq!(get(served.at, "/healthz?sender=0").status, 503);
}

#[test]
fn prometheus_reads_the_metrics() {
    let served = Served::start(1);
    served.put(0, 1, 10);
    let answer = get(served.at, "/metrics");
    assert_eq!(answer.field("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let Some(read) = parsed(&answer.body) else { return };
    for line in [
        r#"chunkcast_receiver_frames counter chunkcast_receiver_frames_total {'sender': 'door', 'state': 'delivered'} 7.0"#,
        r#"chunkcast_receiver_delay_seconds gauge chunkcast_receiver_delay_seconds {'of': 'p50', 'sender': 'door', 'stage': 'transit'} 0.0015"#,
        r#"chunkcast_receiver_live gauge chunkcast_receiver_live {'sender': 'door'} 1.0"#,
        r#"chunkcast_receiver_live gauge chunkcast_receiver_live {'sender': 'a "b\\" \n c'} 0.0"#,
        r#"chunkcast_receiver_http_viewers gauge chunkcast_receiver_http_viewers {} 0.0"#,
    ] {
        assert!(read.lines().any(|read| read == line), "{line} is not in\n{read}");
    }
    assert!(read.contains("chunkcast_receiver_picture_age_seconds"), "{read}");
}

#[test]
fn everything_ends_at_once_whoever_is_connected() {
    let served = Served::start(2);
    let mut idle = Client::connect(served.at);
    idle.request("HEAD", "/", &[]);
    idle.answer(false);
    let (mut waits, stalled) = (served.watch("/stream.mjpeg?sender=1"), served.watch("/stream.mjpeg"));
    for number in 1..=100 {
        served.put(0, number, 1_000_000);
    }
    let begun = Instant::now();
    drop(served);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(idle.has_ended() && waits.has_ended());
    drop(stalled);
}

/// Each sample as Prometheus' own parser reads it, by the interpreter that its package is for; `None`, said aloud,
/// where that is not there.
fn parsed(metrics: &[u8]) -> Option<String> {
    const SCRIPT: &str = "\
import sys
try:
    from prometheus_client.parser import text_string_to_metric_families as read
except ImportError:
    sys.exit(77)
for family in read(sys.stdin.read()):
    assert family.documentation, family
    for s in family.samples:
        print(family.name, family.type, s.name, dict(sorted(s.labels.items())), s.value)
";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(metrics).unwrap();
    let done = python.wait_with_output().unwrap();
    if done.status.code() == Some(77) {
        skip("python3-prometheus-client is not installed", false);
        return None;
    }
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(String::from_utf8(done.stdout).unwrap())
}
