//! The pages by HTTPS: certificates that are wrong are named, whoever stalls holds nobody, and what curl asks for comes.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::http::{Client, field};
use crate::common::peer::Peer;
use crate::common::recipes::read;
use crate::common::{Folder, beside_others, comes_to, pause};
use crate::served::Served;
use proto::app::web::Listener;
use proto::app::{PageKeys, WebArgs, WebPolicy};
use proto::keys::Key;

/// A certificate of this computer, and its private key.
struct Pair {
    folder: Folder,
    cert: String,
    key: String,
}

impl Pair {
    fn new(kind: &[&str]) -> Self {
        let folder = Folder::new();
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey"])
            .args(kind)
            .args(["-nodes", "-days", "9", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", &key, "-out", &cert])
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl is installed").success());
        Self { folder, cert, key }
    }

    fn elliptic() -> Self {
        Self::new(&["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
    }

    fn args(&self) -> WebArgs {
        let [http_cert, http_key] = [&self.cert, &self.key].map(|path| Some(PathBuf::from(path)));
        WebArgs { viewers: 4, http_cert, http_key, ..WebArgs::default() }
    }

    fn serve(&self, keys: PageKeys) -> Served {
        Served::serve(self.args(), WebPolicy::default(), keys)
    }

    /// What curl has for a request, which trusts this certificate: its head, and its body.
    fn curl(&self, at: SocketAddr, path: &str, arguments: &[&str]) -> Option<(String, Vec<u8>)> {
        let head = self.folder.join("head");
        let out = Command::new("curl")
            .args(["--silent", "--max-time", "10", "--cacert", &self.cert, "--dump-header", &head])
            .args(arguments)
            .arg(format!("https://{at}{path}"))
            .output()
            .unwrap();
        let head = std::fs::read_to_string(&head).unwrap_or_default();
        (!head.is_empty()).then_some((head, out.stdout))
    }

    /// A connection that openssl makes, and through which what is written is sent.
    fn connect(&self, at: SocketAddr) -> std::process::Child {
        Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_quiet", "-connect", &at.to_string(), "-CAfile", &self.cert])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

fn keys() -> PageKeys {
    [Key::from_random(&[7; 16])].into_iter().collect()
}

fn user() -> String {
    format!("any:{}", *Key::code(&[7; 16]))
}

#[test]
fn curl_has_everything_by_https_with_the_key() {
    for kind in [&["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"][..], &["rsa:2048"]] {
        let pair = Pair::new(kind);
        let served = pair.serve(keys());
        served.put(0, 1, 3_000_000);
        let (head, _) = pair.curl(served.at, "/stats.json", &[]).unwrap();
        assert!(head.starts_with("HTTP/1.1 401"), "{head}");
        for version in [&["--tlsv1.3"][..], &["--tls-max", "1.2"]] {
            let (head, body) =
                pair.curl(served.at, "/stats.json", &[&["--user", &user()], version].concat()).unwrap();
            assert!(head.starts_with("HTTP/1.1 200") && body.starts_with(b"{\"time\":1.5"), "{head}");
        }
        let (_, jpeg) = pair.curl(served.at, "/snapshot.jpg", &["--user", &user()]).unwrap();
        assert_eq!(jpeg, vec![1; 3_000_000]);
        let (_, stream) =
            pair.curl(served.at, "/stream.mjpeg", &["--user", &user(), "--max-time", "1"]).unwrap();
        assert!(stream.starts_with(b"--chunkcast\r\n") && stream.len() > 3_000_000, "{}", stream.len());
        // Without what vouches for it, curl does not go on.
        let at = served.at.to_string();
        let out = Command::new("curl").args(["--silent", &format!("https://{at}/")]).output().unwrap();
        assert!(!out.status.success());
        let other = Pair::elliptic();
        assert!(other.curl(served.at, "/", &[]).is_none());
    }
}

#[test]
fn a_cookie_of_https_is_secure_and_its_page_may_act() {
    let pair = Pair::elliptic();
    let served = pair.serve(keys());
    let form = format!("password={}", user().strip_prefix("any:").unwrap());
    let origin = format!("Origin: https://{}", served.at);
    let (head, _) = pair.curl(served.at, "/login", &["--data", &form, "--header", &origin]).unwrap();
    let cookie = field(&head, "Set-Cookie").unwrap_or_else(|| panic!("{head}"));
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let post = ["--request", "POST", "--header", &cookie, "--header"];
    let (head, body) = pair.curl(served.at, "/snapshot", &[&post[..], &[&origin]].concat()).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && body == b"written to door.jpg\n", "{head}");
    let http = origin.replace("https", "http");
    let (head, _) = pair.curl(served.at, "/snapshot", &[&post[..], &[&http]].concat()).unwrap();
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
}

#[test]
fn a_proxy_as_the_document_has_it_does_as_well() {
    let pair = Pair::elliptic();
    let served = Served::serve(
        WebArgs { viewers: 4, ..WebArgs::default() },
        WebPolicy { open: true, ..WebPolicy::default() },
        keys(),
    );
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let document = read("docs/browser.md");
    let block = document.split("```nginx\n").nth(1).unwrap().split("```").next().unwrap();
    let block = block.replace("127.0.0.1:8080", &served.at.to_string());
    let (settings, pid) = (pair.folder.join("nginx.conf"), pair.folder.join("nginx.pid"));
    let (cert, key) = (&pair.cert, &pair.key);
    let text = format!(
        "daemon off; master_process off; pid {pid}; error_log stderr; events {{}}\nhttp {{ access_log off; server {{\n\
         listen {at} ssl; ssl_certificate {cert}; ssl_certificate_key {key};\n{block} }} }}"
    );
    std::fs::write(&settings, text).unwrap();
    let folder = pair.folder.path().to_str().unwrap();
    let Some(_proxy) = Peer::start(&["nginx", "-e", "stderr", "-p", folder, "-c", &settings]) else { return };
    assert!(comes_to(|| TcpStream::connect(at).is_ok()));
    // It speaks for others: this computer being open does not open it to them.
    assert!(pair.curl(at, "/stats.json", &[]).unwrap().0.starts_with("HTTP/1.1 401"));
    let form = format!("password={}", user().strip_prefix("any:").unwrap());
    let origin = format!("Origin: https://{at}");
    let (head, _) = pair.curl(at, "/login", &["--data", &form, "--header", &origin]).unwrap();
    let cookie = field(&head, "Set-Cookie").unwrap_or_else(|| panic!("{head}"));
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    served.put(0, 1, 300_000);
    let (_, stream) = pair.curl(at, "/stream.mjpeg", &["--header", &cookie, "--max-time", "2"]).unwrap();
    assert!(stream.starts_with(b"--chunkcast\r\n") && stream.len() > 300_000, "{}", stream.len());
}

#[test]
fn who_speaks_plain_http_is_told_in_a_sentence() {
    let served = Pair::elliptic().serve(PageKeys::default());
    let mut client = Client::connect(served.at);
    client.request("GET", "/stats.json", &[]);
    let answer = client.answer(true);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("write https://") && client.has_ended(), "{}", answer.text());
}

#[test]
fn a_handshake_that_stalls_holds_nobody_and_is_ended() {
    let _turn = beside_others();
    let pair = Pair::elliptic();
    let served = pair.serve(keys());
    // The beginning of a record of 512 bytes of a handshake, a whole one that is none, and nothing.
    let hellos: [&[u8]; 3] = [&[22, 3, 1, 2, 0, 1], &[22, 3, 1, 0, 4, 1, 0, 0, 200], &[]];
    let stalled: Vec<TcpStream> = (0..60)
        .filter_map(|n| {
            let mut stream = TcpStream::connect(served.at).ok()?;
            std::io::Write::write_all(&mut stream, hellos[n % 3]).ok().map(|()| stream)
        })
        .collect();
    let begun = Instant::now();
    assert!(pair.curl(served.at, "/stats.json", &["--user", &user()]).unwrap().0.starts_with("HTTP/1.1 200"));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    for mut stream in stalled {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        while std::io::Read::read(&mut stream, &mut [0; 64]).is_ok_and(|read| read > 0) {}
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "each is ended: {:?}", begun.elapsed());
    // One that sends a byte now and then is not waited for longer.
    let mut slow = TcpStream::connect(served.at).unwrap();
    let begun = Instant::now();
    for byte in [22, 3, 1, 2, 0].into_iter().chain(std::iter::repeat(1)) {
        if std::io::Write::write_all(&mut slow, &[byte]).is_err() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(15));
        pause(100);
    }
}

#[test]
fn who_stalls_while_he_watches_gets_the_newest_then_and_all_ends_at_once() {
    let _turn = beside_others();
    let pair = Pair::elliptic();
    let served = pair.serve(PageKeys::default());
    let mut viewer = pair.connect(served.at);
    let request = format!("GET /stream.mjpeg HTTP/1.1\r\nHost: {}\r\n\r\n", served.at);
    std::io::Write::write_all(viewer.stdin.as_mut().unwrap(), request.as_bytes()).unwrap();
    let watches = || {
        let metrics = pair.curl(served.at, "/metrics", &[]).unwrap().1;
        String::from_utf8(metrics).unwrap().contains("chunkcast_receiver_http_viewers 1\n")
    };
    assert!(comes_to(watches));
    let mut longest = Duration::ZERO;
    for number in 1..=200 {
        let begun = Instant::now();
        served.put(0, number, 200_000);
        longest = longest.max(begun.elapsed());
        pause(5);
    }
    assert!(longest < Duration::from_secs(1), "whoever puts does not wait: {longest:?}");
    let out = viewer.stdout.take().unwrap();
    let (sender, numbers) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let lines = std::io::BufRead::split(std::io::BufReader::new(out), b'\n').map_while(Result::ok);
        for line in lines {
            let number =
                String::from_utf8_lossy(&line).trim().strip_prefix("X-Chunkcast-Frame: ").map(str::to_owned);
            if let Some(number) = number {
                sender.send(number.parse::<u64>().unwrap()).unwrap();
            }
        }
    });
    let mut seen = Vec::new();
    while seen.last() != Some(&200) {
        seen.push(numbers.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{seen:?}")));
    }
    assert!(seen.is_sorted_by(|a, b| a < b) && seen.len() < 100, "{seen:?}");
    let begun = Instant::now();
    drop(served);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(viewer.stdin.take());
    let _ = viewer.kill();
    viewer.wait().unwrap();
    reading.join().unwrap();
}

#[test]
fn what_is_no_certificate_or_no_key_of_it_is_named_with_the_way_out() {
    let (pair, other) = (Pair::elliptic(), Pair::elliptic());
    let put = |name: &str, text: &[u8]| {
        let path = pair.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let openssl = |arguments: &[&str]| {
        assert!(Command::new("openssl").args(arguments).stderr(Stdio::null()).status().unwrap().success());
    };
    let (der, locked, p521) =
        (pair.folder.join("cert.der"), pair.folder.join("locked.pem"), pair.folder.join("p521"));
    openssl(&["x509", "-in", &pair.cert, "-outform", "der", "-out", &der]);
    openssl(&["pkey", "-in", &pair.key, "-aes128", "-passout", "pass:1234", "-out", &locked]);
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp521r1", "-out", &p521]);
    let (nothing, text) = (pair.folder.join("nothing"), put("text", b"hello\n"));
    let whole = std::fs::read_to_string(&pair.cert).unwrap();
    let cut = put("cut", &whole.as_bytes()[..whole.len() / 2]);
    let flipped = put("flipped", whole.replacen('\n', "\nAAAA", 3).as_bytes());
    let folder = pair.folder.path().to_str().unwrap();
    for (cert, key, words) in [
        (&nothing, &pair.key, "there is no file"),
        (&nothing, &pair.key, "openssl req -x509"),
        (&pair.cert, &nothing, "--http-key: there is no file"),
        (&text, &pair.key, "is no certificate in PEM"),
        (&der, &pair.key, "openssl x509 -in"),
        (&pair.key, &pair.cert, "that is for --http-key"),
        (&pair.cert, &pair.cert, "that is for --http-cert"),
        (&pair.cert, &text, "is no private key in PEM"),
        (&pair.cert, &locked, "openssl pkey -in"),
        (&pair.cert, &other.key, "is not that of the first certificate"),
        (&pair.cert, &p521, "of no kind that is known"),
        (&cut, &pair.key, "--http-cert"),
        (&flipped, &pair.key, "damaged"),
        (&folder.to_owned(), &pair.key, "cannot read"),
    ] {
        let at = "127.0.0.1:0".parse().unwrap();
        let [http_cert, http_key] = [cert, key].map(|path| Some(PathBuf::from(path)));
        let args = WebArgs { address: Some(at), viewers: 1, http_cert, http_key, ..WebArgs::default() };
        let error = format!("{:#}", Listener::bind(&args).unwrap_err());
        assert!(error.contains(words) && !error.contains('\n'), "{cert} {key}: {error}");
        for (http_cert, http_key) in [(args.http_cert.clone(), None), (None, args.http_key.clone())] {
            let error =
                Listener::bind(&WebArgs { http_cert, http_key, ..args.clone() }).unwrap_err().to_string();
            assert!(error.contains("needs --http-"), "{error}");
        }
    }
}
