//! Starts the threads, reports while they run, joins them in order, and says what failed first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use proto::RateLimiter;
use proto::app::{Console, Reporter, StreamFormat};
use proto::jpeg::Coding;
use proto::names::printable;
use proto::sys::{Event, Stop, at_user_signal, join, random_bytes, spawn, stop_at_signals, wall_clock};
use proto::{Latest, QualityControl, SessionId, SubscribeServer, Taken};

use super::diagnosis::Diagnosis;
use super::web::Web;
use crate::args::Args;
use crate::capture::source::{SourceOptions, WantedMode};
use crate::capture::{CaptureThread, LOOK_EVERY, OpenedSource, Sizes};
use crate::demand::Demand;
use crate::encode::{self, Encoder};
use crate::inbox::{FrameInbox, FrameTap};
use crate::net::{Dest, NetworkOptions, Route, SendSocket, computer};
use crate::send::{self, Awaited, Fanout, StreamFactory};
use crate::serve::{self, Announcer, Notice, Sdp, ServeAt, USUAL_PORT};
use crate::stats::{Reports, Stats};

/// Sends until the source ends, enough was sent, or the program is told to stop.
///
/// # Errors
/// The first thing that failed.
pub fn run(args: &Args) -> Result<()> {
    let stop = Stop::new().context("cannot make an event")?;
    stop_at_signals(&stop).context("cannot handle signals")?;
    let keeps_nothing =
        move || tracing::info!("a sender keeps nothing of the past; SIGUSR1 is for a receiver");
    at_user_signal(keeps_nothing).context("cannot handle signals")?;
    // Before there are pictures: it takes longer than sending one.
    proto::warm_up();
    let options = network_options(args);
    let bell = Event::new().context("cannot make an event")?;
    let Destinations { opened: links, awaited } = open_links(args, &options, &bell)?;
    let mut served = args.serve_at().map(|at| at.open(&options)).transpose()?;
    let mut news: Vec<String> = served.iter_mut().flatten().filter_map(SendSocket::find_only).collect();
    news.dedup();
    news.iter().for_each(|news| tracing::warn!("{news}"));
    let mut diagnosis = Diagnosis::new(args.format).of_given(args.given());
    let session = SessionId::new(u64::from_ne_bytes(random_bytes()?).max(1));
    let web = Web::bind(&args.web, args.web_policy)?;
    let console = Console::new("sender").in_format(args.system.log_format);
    let mut reporter = Reporter::new(console, args.stats_json.as_deref(), args.stats_interval)?
        .with_board(web.as_ref().map(Web::board));

    let clock = wall_clock();
    let secret = random_bytes()?;
    let config = args.send_config(session, secret);
    let streams = StreamFactory::new(args.format, config, args.impair.clone(), clock);
    let tap = web.as_ref().map(|web| web.tap(clock));
    let tap = tap.map(|tap| -> FrameTap { Box::new(move |frame| tap.put(frame)) });
    let inbox = Arc::new(FrameInbox::new().context("cannot make an event")?.with_tap(tap));
    let web = web.map(|web| web.serve(args.name(), inbox.clone(), &stop)).transpose()?;
    let (stats, encoder) = (Arc::new(Stats::default()), Arc::new(Latest::new()));
    // Browsers may come at any time, and what is asked by HTTP is to be answered at once.
    let demand = Arc::new(if web.is_some() { Demand::always() } else { Demand::default() });
    let sizes = Arc::new(Sizes::new().context("cannot make an event")?);
    demand.set(!args.dest.is_empty());
    let capture = CaptureThread {
        spec: args.source.clone(),
        options: SourceOptions { wanted: WantedMode { size: args.size, fps: args.fps }, repeat: args.repeat },
        stop: stop.clone(),
        encoder: encoder.clone(),
        inbox: inbox.clone(),
        demand: demand.clone(),
        sizes: sizes.clone(),
        size: None,
        coding: Coding::Baseline,
        look: RateLimiter::new(LOOK_EVERY),
        stats: stats.clone(),
        clock,
    };
    let (opened, when_opened) = sync_channel(1);
    let capture = spawn("capture", &stop, {
        let (encoder, inbox, demand) = (encoder.clone(), inbox.clone(), demand.clone());
        move || {
            let result = capture.run(&opened);
            // Whoever comes after ends when it has nothing left.
            encoder.close();
            demand.end();
            drop(opened);
            result.inspect_err(|_| inbox.close())
        }
    })?;
    let encode = spawn("encode", &stop, {
        let (inbox, stats) = (inbox.clone(), stats.clone());
        let demand = demand.clone();
        let (made, quality) = (Encoder::new(args.subsampling)?, QualityControl::new(args.quality));
        move || {
            encode::run(&encoder, &demand, made, quality, &inbox, &stats, clock);
            inbox.close();
            Ok(())
        }
    })?;

    let mut announcer = None;
    let started = match wait_for_source(&when_opened, &stop) {
        Some(source) => {
            tracing::info!("{}", source.description);
            let mut streams = streams;
            streams.set_interval(source.interval);
            let mut fanout = Fanout::new(streams, options).context("cannot make an event")?;
            let rate = source.interval.map(|interval| interval.as_secs_f64().recip());
            let sdp = |path: &PathBuf| Sdp { path: path.clone(), ttl: args.ttl, name: args.name(), rate };
            fanout.describe_by(args.sdp.as_ref().map(sdp));
            for (socket, route) in links {
                fanout.add(socket, route, &stats);
            }
            fanout.add_later(awaited, bell);
            announcer = announce(args, served.as_deref(), &source, session, &sizes, &stop);
            if let Some(links) = served {
                say_where(args, &links, session);
                let door = SubscribeServer::new(session, secret, args.max_viewers.into(), clock);
                fanout.serve(links, door.with_computers(computer::of));
            }
            let send = spawn("send", &stop, {
                let (inbox, stats, stop, most) = (inbox.clone(), stats.clone(), stop.clone(), args.frames);
                let (demand, follow) = (demand.clone(), args.follow);
                move || {
                    let result = send::run(&inbox, fanout, follow, &demand, &stats, most, &stop);
                    stop.request();
                    result
                }
            })?;
            reporter.watch("send", stats.heartbeat.clone());
            reporter.ready();
            Some(send)
        }
        None => None,
    };
    let mut reports = Reports::new(session, args.quality.max());
    let look = || diagnosis.look(&stats, Instant::now());
    report_until_stopped(&stop, &stats, look, reporter, &mut reports, args.duration, |reporter, reports| {
        stop.request();
        let threads = [Some(capture), Some(encode), started, web];
        let results = threads.map(|thread| thread.map_or(Ok(()), join));
        let announced = announcer.map_or(Ok(()), Announcer::end);
        // A picture that came while the program was already ending, with nobody to send it.
        if let Taken::Value(_) = inbox.take() {
            stats.replaced(demand.is_there());
        }
        let mut report = reports.make(&stats, true);
        if report.object.frames.captured == 0 && results.iter().any(Result::is_err) {
            // There is an error to read, and no statistics worth a line before it.
            report.line.clear();
        }
        reporter.finish(&report);
        results.into_iter().chain([announced]).collect()
    })
}

fn network_options(args: &Args) -> NetworkOptions {
    NetworkOptions {
        mtu: args.mtu.0,
        ttl: args.ttl.into(),
        interface: args.interface.clone(),
        dscp: args.dscp,
    }
}

/// What was typed as `--dest`.
struct Destinations {
    opened: Vec<(SendSocket, Route)>,
    /// Those that cannot be sent to yet: they keep nobody else from it.
    awaited: Vec<Awaited>,
}

fn open_links(args: &Args, options: &NetworkOptions, bell: &Event) -> Result<Destinations> {
    let (mut opened, mut awaited) = (Vec::new(), Vec::new());
    for dest in &args.dest {
        let mut destination = Awaited::new(dest.clone(), bell);
        match destination.first_try(options, Instant::now())? {
            Some(there) => opened.push(there),
            None => awaited.push(destination),
        }
    }
    Ok(Destinations { opened, awaited })
}

/// Announces a sender that serves, or sends to a group. Where that fails, it is said, and pictures are sent all the same.
fn announce(
    args: &Args,
    served: Option<&[SendSocket]>,
    source: &OpenedSource,
    session: SessionId,
    sizes: &Arc<Sizes>,
    stop: &Stop,
) -> Option<Announcer> {
    let group = args.dest.iter().filter_map(Dest::address).find(|address| address.ip().is_multicast());
    let served = served.and_then(|links| serve::announced(links, args.serve_at()?));
    // RTP is described to players by a file.
    let is_ours = args.format == StreamFormat::Chunkcast;
    if !args.announce || !is_ours || (served.is_none() && group.is_none()) {
        return None;
    }
    let notice = Notice {
        name: args.name(),
        session,
        fps: source.interval.map(|interval| 1.0 / interval.as_secs_f64()),
        served,
        group,
        interface: args.interface.clone(),
    };
    let started = Announcer::start(notice, sizes.clone(), stop);
    started.inspect_err(|error| tracing::info!("{error:#}; receivers can still ask by address")).ok()
}

/// Says where receivers can ask, and under which name they find it.
fn say_where(args: &Args, links: &[SendSocket], session: SessionId) {
    let at = args.serve_at().unwrap_or(ServeAt::Anywhere);
    let addresses = serve::addresses(links, at).unwrap_or_default();
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let port = links.first().and_then(|socket| socket.port().ok()).unwrap_or_default();
    if at == ServeAt::Anywhere && port != USUAL_PORT {
        tracing::info!("port {USUAL_PORT} is taken: serving at port {port}");
    }
    tracing::info!(
        "serving \"{}\" at {}, at most {} viewers, session {session}",
        printable(&args.name()),
        addresses.join(", "),
        args.max_viewers
    );
}

/// What the source is, once it is open; `None` if it failed or the program ends before.
fn wait_for_source(opened: &Receiver<OpenedSource>, stop: &Stop) -> Option<OpenedSource> {
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
