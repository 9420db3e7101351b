//! The page in a real browser: the picture moves, figures change, and what is not live cannot be taken for it.
//!
//! CHUNKCAST_SHOTS=FOLDER keeps pictures of it.

use crate::common::browser::Browser;
use crate::common::running::{Running, receiver, sender};
use crate::common::{Folder, beside_others, comes_to, free_port, pause};
use proto::app::keys::write_key_file;
use proto::framecode::{Strip, read_strip};
use proto::keys::Key;
use rustix::process::Signal;

const CARD: (u32, u32) = (640, 360);

/// A sender of the test card, a receiver of it, and where the page of each is.
struct Pair {
    sender: Running,
    receiver: Running,
    /// Where the receiver listens.
    to: String,
    pages: [String; 2],
}

impl Pair {
    fn start(more: &[&str]) -> Self {
        let to = format!("127.0.0.1:{}", free_port());
        let ports = [0; 2].map(|_| free_tcp_port().to_string());
        let output = ["--listen", &to, "--output", "none", "--http", &ports[0]];
        let receiver = receiver(&[&output[..], more].concat());
        let card = ["--dest", &to, "--source", "pattern", "--size", "640x360", "--name", "bench 3"];
        let sender = sender(&[&card[..], &["--http", &ports[1]]].concat());
        Self { sender, receiver, to, pages: ports.map(|port| format!("http://127.0.0.1:{port}/")) }
    }
}

fn free_tcp_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The number in the test card that the page shows.
fn number(browser: &Browser) -> Option<u32> {
    let height = Strip::of(CARD.0, CARD.1).unwrap().height();
    let pixels = browser.run(&format!(
        "const canvas = document.querySelector('.frame');
         const {{ data }} = canvas.getContext('2d').getImageData(0, 0, {}, {height});
         return canvas.width === {} ? Array.from({{ length: data.length / 4 }}, (_, at) => data[4 * at + 1]) : [];",
        CARD.0, CARD.0
    ));
    let luma: Vec<u8> = pixels.as_array()?.iter().map(|level| level.as_u64().unwrap() as u8).collect();
    read_strip(&luma, CARD.0 as usize, CARD, CARD)
}

/// What the page says of how its picture is.
fn state(browser: &Browser) -> String {
    browser.text("return document.querySelector('.tile')?.dataset.state")
}

/// How old the page says that its picture is, in milliseconds.
fn age(browser: &Browser) -> f64 {
    let said = browser.text("return document.querySelector('.age').textContent");
    let mut words = said.split(' ');
    let number: f64 = words.next().unwrap().parse().unwrap_or(f64::NAN);
    if words.next() == Some("s") { number * 1000.0 } else { number }
}

const IS_LIVE: &str = "return document.querySelector('.tile')?.dataset.state === 'live'";
const IS_GONE: &str = "return document.querySelector('.tile')?.dataset.state === 'gone'";
const FIGURES: &str = "return document.querySelector('.figures').textContent";
const VEIL: &str = "return document.querySelector('.veil').textContent";

#[test]
fn the_picture_moves_and_the_figures_change_on_both_pages() {
    let _turn = beside_others();
    let Some(browser) = Browser::start(1280, 1000) else { return };
    let pair = Pair::start(&[]);
    for (page, program) in pair.pages.iter().zip(["receiver", "sender"]) {
        browser.open(page);
        assert!(browser.comes_to(IS_LIVE), "{program}: {} {}", state(&browser), browser.text(VEIL));
        assert_eq!(browser.text("return document.querySelector('#program').textContent"), program);
        assert_eq!(browser.text("return document.querySelector('h2').textContent"), "bench 3");
        let mut numbers = Vec::new();
        for _ in 0..10 {
            numbers.extend(number(&browser));
            pause(100);
        }
        assert!(numbers.len() == 10 && numbers.is_sorted_by(|a, b| a < b), "{program}: {numbers:?}");
        let before = browser.text(FIGURES);
        assert!(before.contains("pictures") && before.contains("Mbit/s"), "{before}");
        assert!(
            browser
                .comes_to(&format!("return document.querySelector('.figures').textContent !== {before:?}"))
        );
        assert!(age(&browser) < 1000.0, "{program}: {} ms", age(&browser));
        // Both plots have lines in them.
        let plots = "return [...document.querySelectorAll('.plot')].every((canvas) => canvas.getContext('2d')
            .getImageData(0, 0, canvas.width, canvas.height).data.some((level) => level > 200))";
        assert!(browser.comes_to(plots), "{program}: nothing is plotted");
        pause(if std::env::var_os("CHUNKCAST_SHOTS").is_some() { 12_000 } else { 0 });
        browser.shoot(&format!("page-{program}"));
    }
}

#[test]
fn with_a_key_the_form_opens_the_page_and_asks_again_once_the_program_is_another() {
    let _turn = beside_others();
    let Some(browser) = Browser::start(400, 800) else { return };
    let folder = Folder::new();
    let key_file = folder.join("door.key");
    let code = Key::code(&[7; 16]);
    write_key_file(key_file.as_ref(), &code).unwrap();
    let (port, to) = (free_tcp_port().to_string(), format!("127.0.0.1:{}", free_port()));
    let start = || {
        let card = ["--dest", &to, "--source", "pattern", "--size", "640x360"];
        sender(&[&card[..], &["--key-file", &key_file, "--http", &port]].concat())
    };
    let running = start();
    let page = format!("http://127.0.0.1:{port}/");
    const FORM: &str = "return document.querySelector('#login') !== null";
    let asked = || browser.comes_to(FORM);
    assert!(comes_to(|| std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()));
    browser.open(&page);
    assert!(asked() && browser.run("return document.querySelectorAll('canvas, img').length === 0") == true);
    assert!(
        browser.run("return document.scrollingElement.scrollWidth <= innerWidth") == true,
        "fits a phone"
    );
    browser.shoot("page-login");
    browser.type_into("#login input", "abandon ability");
    browser.click("#login button");
    let alert = "return document.querySelector('[role=alert]')?.textContent";
    assert!(browser.comes_to(&format!("{alert} === 'that is not the key'")), "{}", browser.text(alert));
    browser.shoot("page-login-wrong");
    browser.type_into("#login input", &code);
    browser.click("#login button");
    assert!(browser.comes_to(IS_LIVE), "{}", state(&browser));
    assert_eq!(browser.text("return location.pathname"), "/");
    assert!(browser.run("return document.cookie === ''") == true, "no script sees the cookie");
    browser.open(&page);
    assert!(browser.comes_to(IS_LIVE), "{}", state(&browser));
    // Another run knows none of the cookies: a page that is open finds it out, and no question of the browser's own
    // stands before the form.
    drop(running);
    let _again = start();
    assert!(asked());
}

#[test]
fn the_buttons_keep_the_newest_picture_and_the_last_seconds() {
    let _turn = beside_others();
    let Some(browser) = Browser::start(1280, 1000) else { return };
    let folder = Folder::new();
    let pair = Pair::start(&["--past", "5s", "--save-to", &folder.join("kept")]);
    browser.open(&pair.pages[0]);
    assert!(browser.comes_to(IS_LIVE), "{}", state(&browser));
    let result = "return document.querySelector('.result').textContent";
    for (by_key, ends) in [(false, ["jpg", "mkv"]), (true, ["jpg", "mkv"])] {
        for (end, (selector, key)) in
            ends.iter().zip([("[data-action=snapshot]", "s"), ("[data-action=past]", "p")])
        {
            browser.run("document.querySelector('.result').textContent = ''");
            if by_key {
                browser.key(key)
            } else {
                browser.click(selector)
            }
            let is_done = format!("return document.querySelector('.result').textContent.endsWith('.{end}')");
            assert!(browser.comes_to(&is_done), "{selector}: {}", browser.text(result));
            let said = browser.text(result);
            let path = said.rsplit(' ').next().unwrap();
            assert!(path.contains("bench") && std::fs::metadata(path).unwrap().len() > 1000, "{said}");
        }
    }
    browser.shoot("page-buttons");
    assert_eq!(std::fs::read_dir(folder.join("kept")).unwrap().count(), 4);

    // A sender keeps nothing, and says nothing of it.
    browser.open(&pair.pages[1]);
    assert!(browser.comes_to(IS_LIVE), "{}", state(&browser));
    assert_eq!(
        browser.run("return [...document.querySelectorAll('button')].every((button) => button.hidden)"),
        true
    );
}

#[test]
fn a_picture_that_is_not_live_is_marked_and_its_age_counts_up() {
    let _turn = beside_others();
    let Some(browser) = Browser::start(1280, 1000) else { return };
    let pair = Pair::start(&[]);
    browser.open(&pair.pages[0]);
    assert!(browser.comes_to(IS_LIVE), "{}", state(&browser));

    // The sender stands still; then the receiver, and with it all that the page could hear.
    for (running, word, shot) in
        [(&pair.sender, "Stalled", "stale"), (&pair.receiver, "No connection", "stalled")]
    {
        running.signal(Signal::STOP);
        assert!(browser.comes_to(IS_GONE), "{}: {} ms", state(&browser), age(&browser));
        let first = age(&browser);
        assert!(first >= 1000.0, "{first} ms");
        pause(2000);
        let (later, veil) = (age(&browser), browser.text(VEIL));
        assert!((1900.0..4000.0).contains(&(later - first)), "{first} ms, and two seconds later {later} ms");
        assert!(veil.starts_with(word) || veil.starts_with("No signal"), "{veil}");
        browser.shoot(&format!("page-{shot}"));
        running.signal(Signal::CONT);
        assert!(browser.comes_to(IS_LIVE), "it is back: {} {}", state(&browser), browser.text(VEIL));
    }

    // A receiver that is started again goes on in the same page, which is told at once how old its pictures are.
    let Pair { sender, receiver: first, to, pages } = pair;
    first.interrupt();
    assert!(browser.comes_to(IS_GONE), "{}", state(&browser));
    let port = pages[0].trim_end_matches('/').rsplit(':').next().unwrap();
    let _again = receiver(&["--listen", &to, "--output", "none", "--http", port]);
    assert!(browser.comes_to(IS_LIVE), "it is back: {} {}", state(&browser), browser.text(VEIL));
    pause(1000);
    assert!(age(&browser) < 1000.0, "{} ms, {}", age(&browser), browser.text(VEIL));

    sender.interrupt();
    assert!(browser.comes_to(IS_GONE), "{}", state(&browser));
    assert!(browser.text(VEIL).contains("ended"), "{}", browser.text(VEIL));
    browser.shoot("page-ended");
}
