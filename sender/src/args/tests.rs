use clap::Parser;
use proto::Pace;

use super::*;
use crate::capture::source::Which;

fn parse(words: &str) -> Result<Args, String> {
    Args::try_parse_from(words.split(' ')).map_err(|error| error.to_string())
}

#[test]
fn an_address_is_enough() {
    let args = parse("sender --dest 127.0.0.1:9000 --dest [::1]:9001").unwrap();
    assert_eq!(args.dest[1].address(), Some("[::1]:9001".parse().unwrap()));
    assert_eq!(args.serve_at(), None);
    assert_eq!((args.source, args.pace), (Spec::Camera(Which::First), PaceArg(Pace::Auto)));
    assert_eq!((args.quality.min(), args.quality.max(), args.max_bitrate), (20, 80, None));
    assert_eq!((args.fec, args.resend, args.follow), (Fec::Auto, true, None));
}

#[test]
fn a_destination_need_not_be_known_yet_but_must_be_one() {
    for text in ["no-such-host.invalid:9", "cam_2:9", "t\u{fc}r.local:9", "[fe80::2%nosuch0]:9"] {
        let dest = &parse(&format!("sender --dest {text}")).unwrap().dest[0];
        assert_eq!((&*dest.text, dest.address()), (text, None));
    }
    let dest = &parse("sender --dest localhost:9").unwrap().dest[0];
    assert!(dest.is_name() && dest.look_up().unwrap().ip().is_loopback());
    let dest = &parse("sender --dest [fe80::2%nosuch0]:9").unwrap().dest[0];
    let error = dest.look_up().unwrap_err();
    assert!(!dest.is_name() && error.is::<proto::sys::NotNow>(), "{error}");
    for text in ["192.168.1.700:9", "http://door:9", "a/b:9", "door..local:9", "[fd00::x]:9", "[fe80::2%]:9"]
    {
        let error = parse(&format!("sender --dest {text}")).unwrap_err();
        assert!(error.contains("192.168.1.20:9000"), "{text}: {error}");
    }
}

#[test]
fn without_an_address_whoever_asks_is_served() {
    let served = |words: &str| parse(words).unwrap().serve_at();
    assert_eq!(served("sender --source pattern"), Some(ServeAt::Anywhere));
    assert_eq!(served("sender --serve 9005"), Some(ServeAt::Port(9005)));
    let here = ServeAt::Address("127.0.0.1:9005".parse().unwrap());
    assert_eq!(served("sender --dest 127.0.0.1:9000 --serve 127.0.0.1:9005"), Some(here));
}

#[test]
fn a_name_is_announced_whole_and_nobody_is_called_nothing() {
    let parse = |name: &str| Args::try_parse_from(["sender", "--name", name]);
    assert_eq!(parse(&"\u{fc}".repeat(31)).unwrap().name().len(), 62);
    let error = parse(&"\u{fc}".repeat(32)).unwrap_err().to_string();
    assert!(error.contains("it has 64 bytes; a name has at most 63"), "{error}");
    assert_eq!(parse("").unwrap().name(), Args::try_parse_from(["sender"]).unwrap().name());
    assert!(!parse("").unwrap().name().is_empty());
}

#[test]
fn wrong_values_are_refused_with_the_way_out() {
    for (words, way_out) in [
        ("sender --serve everywhere", "192.168.1.20:9001"),
        ("sender --serve 99999", "such as 9001"),
        ("sender --max-viewers 0", "1..=1024"),
        ("sender --dest 127.0.0.1", "port"),
        ("sender --dest 127.0.0.1:0", "port 0"),
        ("sender --dest ::1:9000", "brackets"),
        ("sender --dest 127.0.0.1:9 --quality 0", "from 1 to 100"),
        ("sender --dest 127.0.0.1:9 --quality 40-80", "40..80"),
        ("sender --dest 127.0.0.1:9 --quality 80..40", "lower quality first: 40..80"),
        ("sender --dest 127.0.0.1:9 --max-bitrate 50k", "100kbit"),
        ("sender --dest 127.0.0.1:9 --max-bitrate auto", "20mbit"),
        ("sender --dest 127.0.0.1:9 --fec 51", "1 to 50"),
        ("sender --dest 127.0.0.1:9 --fec 0", "1 to 50"),
        ("sender --dest 127.0.0.1:9 --resend sometimes", "on or off"),
        ("sender --dest 127.0.0.1:9 --follow fastest", "slowest"),
        ("sender --dest 127.0.0.1:9 --size big", "1280x720"),
        ("sender --dest 127.0.0.1:9 --fps 0", "from 0.001"),
        ("sender --dest 127.0.0.1:9 --fps 1e-20", "from 0.001"),
        ("sender --dest 127.0.0.1:9 --pace fast", "50mbit"),
        ("sender --dest 127.0.0.1:9 --mtu 20", "576"),
        ("sender --dest 127.0.0.1:9 --frames 0", "0"),
    ] {
        let error = parse(words).unwrap_err();
        assert!(error.contains(way_out), "{words}: {error}");
    }
}

#[test]
fn what_does_not_go_together_is_refused_with_the_way_out() {
    for (words, way_out) in [
        ("--sdp x.sdp", "--format rtp too"),
        ("--format rtp --sdp x.sdp --dest 127.0.0.1:8", "one --dest"),
        ("--format rtp --dest 127.0.0.1:8 --sdp - --stats-json -", "would mix"),
        ("--format rtp --fec 20", "leave out --fec"),
        ("--format rtp --serve 9001", "leave out --serve"),
    ] {
        let args = parse(&format!("sender --dest 127.0.0.1:9 {words}")).unwrap();
        let error = args.check().unwrap_err();
        assert!(error.to_string().contains(way_out) && error.exit_code() == 2, "{words}: {error}");
    }
    let error = parse("sender --format rtp").unwrap().check().unwrap_err();
    assert!(error.to_string().contains("give --dest"), "{error}");
    let args = parse("sender --dest 127.0.0.1:9 --format rtp --sdp -").unwrap();
    assert!(args.check().is_ok() && args.format == StreamFormat::Rtp);
}

#[test]
fn what_is_said_is_taken() {
    let words = "--quality 55 --max-bitrate 20mbit --fec 10 --resend off --follow 20";
    let args = parse(&format!("sender --dest 127.0.0.1:9 {words}")).unwrap();
    assert_eq!((args.quality.min(), args.quality.max(), args.max_bitrate), (55, 55, Some(20e6)));
    assert_eq!((args.fec, args.resend, args.follow), (Fec::Percent(10), false, Some(Follow::Percentile(20))));
    assert_eq!(parse("sender --dest 127.0.0.1:9 --fec off").unwrap().fec, Fec::Off);
}

#[test]
fn rates_have_units() {
    for (text, rate) in [("50mbit", 50e6), ("1g", 1e9), ("800kbps", 800e3), ("1.5Mbit/s", 1.5e6)] {
        assert_eq!(parse_pace(text), Ok(PaceArg(Pace::Rate(rate))), "{text}");
        assert_eq!(parse_max_bitrate(text), Ok(rate), "{text}");
    }
}
