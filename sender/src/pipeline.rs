//! Starts the threads, reports while they run, joins them in order, and says what failed first.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use proto::host::{Console, Reporter, Stop, join, spawn, stop_at_signals, wall_clock};
use proto::netem::Netem;
use proto::{Clock, Frame, Latest, Pace, Pool, QualityControl, SendConfig, SendStream, SessionId, Taken};

use crate::args::Args;
use crate::capture::{Capture, Opened, Raw};
use crate::destination::Destination;
use crate::diagnosis::Diagnosis;
use crate::encode::Encoder;
use crate::fanout::Fanout;
use crate::inbox::Inbox;
use crate::link::{Link, NetworkOptions, Route};
use crate::send;
use crate::source::{Options, Wanted};
use crate::stats::{self, Reports, Stats};

/// Sends until the source ends, enough was sent, or the program is told to stop.
///
/// # Errors
/// The first thing that failed.
pub fn run(args: &Args) -> Result<()> {
    let console = Console::new("sender").in_format(args.system.log_format);
    let stop = Stop::new().context("cannot make an event")?;
    stop_at_signals(&stop).context("cannot handle signals")?;
    // Before there are pictures: it takes longer than sending one.
    proto::warm_up();
    let links = open_links(args)?;
    let ways = links.iter().map(|(_, route)| (route.to(), route.interface().is_wireless()));
    let mut diagnosis = Diagnosis::new(ways, console.clone());
    let session = SessionId::new(u64::from_ne_bytes(random()?).max(1));
    let mut reporter = Reporter::new(console.clone(), args.stats_json.as_deref(), args.stats_interval)?;

    let clock = wall_clock();
    let identity = Identity { session, secret: random()?, clock };
    let inbox = Arc::new(Inbox::new().context("cannot make an event")?);
    let (stats, encoder) = (Arc::new(Stats::default()), Arc::new(Latest::new()));
    let capture = Capture {
        spec: args.source.clone(),
        options: Options {
            wanted: Wanted { size: args.size, fps: args.fps },
            repeat: args.repeat,
            console: console.clone(),
        },
        stop: stop.clone(),
        encoder: encoder.clone(),
        inbox: inbox.clone(),
        stats: stats.clone(),
        clock,
        console: console.clone(),
    };
    let (opened, when_opened) = sync_channel(1);
    let capture = spawn("capture", &stop, {
        let (encoder, inbox) = (encoder.clone(), inbox.clone());
        move || {
            let result = capture.run(&opened);
            // Whoever comes after ends when it has nothing left.
            encoder.close();
            drop(opened);
            result.inspect_err(|_| inbox.close())
        }
    })?;
    let encode = spawn("encode", &stop, {
        let (inbox, stats, console) = (inbox.clone(), stats.clone(), console.clone());
        let (made, quality) = (Encoder::new(args.subsampling)?, QualityControl::new(args.quality));
        move || {
            encode(&encoder, made, quality, &inbox, &stats, clock, &console);
            inbox.close();
            Ok(())
        }
    })?;

    let started = match wait_for_source(&when_opened, &stop) {
        Some(source) => {
            console.say(format_args!("{}", source.description));
            let fanout = fanout(args, links, &source, &identity, &stats, &console);
            let send = spawn("send", &stop, {
                let (inbox, stats, stop, most) = (inbox.clone(), stats.clone(), stop.clone(), args.frames);
                let follow = args.follow;
                move || {
                    let result = send::run(&inbox, fanout, follow, &stats, most, &stop);
                    stop.request();
                    result
                }
            })?;
            reporter.watch("send", stats.pulse.clone());
            reporter.ready();
            Some(send)
        }
        None => None,
    };
    let mut reports = Reports::new(session, args.quality.max());
    let look = || diagnosis.look(&stats, Instant::now());
    report_until_stopped(&stop, &stats, look, reporter, &mut reports, args.duration, |reporter, reports| {
        stop.request();
        let results = [join(capture), join(encode), started.map_or(Ok(()), join)];
        // A picture that came while the program was already ending, with nobody to send it.
        if let Taken::Value(_) = inbox.take() {
            stats.superseded();
        }
        let mut report = reports.make(&stats, true);
        if report.object.frames.captured == 0 && results.iter().any(Result::is_err) {
            // There is an error to read, and no statistics worth a line before it.
            report.line.clear();
        }
        reporter.finish(&report);
        results.into_iter().collect()
    })
}

/// Encodes the newest raw picture until there are no more, as well as the path carries it.
fn encode(
    pictures: &Latest<Raw>,
    mut encoder: Encoder,
    mut control: QualityControl,
    inbox: &Inbox,
    stats: &Stats,
    clock: Clock,
    console: &Console,
) {
    let mut pool = Pool::new(FRAMES_AT_ONCE);
    let mut complained = false;
    while let Taken::Value(raw) = pictures.take(None) {
        let begun = Instant::now();
        let quality = control.next(inbox.frame_budget(), begun);
        match encoder.encode(&raw.picture, quality, &mut pool) {
            Ok(jpeg) => {
                control.encoded(quality, jpeg.len());
                stats.encoded(quality, begun.elapsed());
                let frame = Frame { captured: clock.at(raw.at), jpeg };
                if inbox.put(frame).is_some() {
                    stats.superseded();
                }
            }
            Err(error) => {
                stats.lock().refused += 1;
                if !complained {
                    console.warn(format_args!("a picture cannot be encoded: {error:#}"));
                    complained = true;
                }
            }
        }
    }
}

fn open_links(args: &Args) -> Result<Vec<(Link, Route)>> {
    let options = NetworkOptions {
        mtu: args.mtu.0,
        ttl: args.ttl.into(),
        interface: args.interface.clone(),
        dscp: args.dscp,
    };
    let open = |to| {
        let route = Route::find(to, &options)?;
        anyhow::Ok((Link::open(&route, &options)?, route))
    };
    args.dest.iter().map(|dest| open(dest.address).with_context(|| format!("--dest {}", dest.text))).collect()
}

/// What all streams of this run share.
struct Identity {
    session: SessionId,
    /// Receivers' tokens are made with it.
    secret: [u8; 16],
    clock: Clock,
}

/// Makes a stream for each route, and says what was chosen.
fn fanout(
    args: &Args,
    links: Vec<(Link, Route)>,
    source: &Opened,
    &Identity { session, secret, clock }: &Identity,
    stats: &Stats,
    console: &Console,
) -> Fanout {
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned());
    let (links, routes): (Vec<_>, Vec<_>) = links.into_iter().unzip();
    let mut all = Vec::new();
    for (number, route) in routes.into_iter().enumerate() {
        let pace = match args.pace.0 {
            Pace::Auto if route.is_local() => Pace::Off,
            chosen => chosen,
        };
        let pace_text = match pace {
            Pace::Off => "each frame at once".to_owned(),
            Pace::Auto => "paced at 90 Mbit/s at first, then at what the path carries".to_owned(),
            Pace::Rate(rate) => format!("paced at {:.1} Mbit/s", rate / 1e6),
        };
        console.say(format_args!(
            "to {} by {}, MTU {}, {pace_text}, session {session}",
            route.to(),
            route.interface().name,
            route.mtu()
        ));
        let config = SendConfig {
            session,
            datagram_bytes: route.datagram_bytes(),
            overhead_bytes: route.overhead_bytes(),
            pace,
            interval: source.interval,
            name: name.clone(),
            is_group: route.is_group(),
            fec: args.fec,
            resend: args.resend,
            follow: args.follow,
            max_bitrate: args.max_bitrate,
            secret,
        };
        stats
            .lock()
            .destinations
            .push(stats::Destination { address: route.to().to_string(), ..stats::Destination::default() });
        let stream = SendStream::new(config, clock, Instant::now());
        let netem = args.impair.clone().map(Netem::new);
        all.push(Destination::new(stream, number, route, netem, console.clone()));
    }
    Fanout::new(links, all, console.clone())
}

/// What the source is, once it is open; `None` if it failed or the program ends before.
fn wait_for_source(opened: &Receiver<Opened>, stop: &Stop) -> Option<Opened> {
    loop {
        match opened.recv_timeout(Duration::from_millis(100)) {
            Ok(source) => return Some(source),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if stop.is_requested() => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Looks and reports at each interval until the program is told to stop, or `duration` is over; then `finish`es.
fn report_until_stopped<T>(
    stop: &Stop,
    stats: &Stats,
    mut look: impl FnMut(),
    mut reporter: Reporter,
    reports: &mut Reports,
    duration: Option<Duration>,
    finish: impl FnOnce(Reporter, &mut Reports) -> T,
) -> T {
    let end = duration.map(|duration| Instant::now() + duration);
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let wait = left.unwrap_or(Duration::MAX).min(reporter.until_next());
        if stop.wait(wait) || left == Some(Duration::ZERO) {
            reporter.stopping();
            return finish(reporter, reports);
        }
        reporter.keep_alive();
        if reporter.is_due() {
            look();
            reporter.report(&reports.make(stats, false));
        }
    }
}

/// Random bytes, for what nobody may guess.
///
/// # Errors
/// If the system gives none.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}

/// JPEGs that are encoded, wait, and are sent to several destinations, at once.
const FRAMES_AT_ONCE: usize = 8;

#[cfg(test)]
mod tests;
