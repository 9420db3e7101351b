//! Starts the threads, keeps the window on the main one, joins them in order, and says what failed first.

use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use proto::RecvConfig;
use proto::app::keys::{KeyStore, SignerStore, can_ask};
use proto::app::{Console, Given, Reporter, StreamFormat};
use proto::rtp::RtpRecvConfig;
use proto::sys::{Stop, at_user_signal, join, random_bytes, spawn, stop_at_signals, wall_clock};

use super::key_prompt;
use super::report::Reporting;
use super::search_thread::SearchThread;
use super::web::Web;
use crate::args::ReceiveArgs;
use crate::decode::{Decoders, Decoding};
use crate::discovery::{self, Sources};
use crate::feed::{Feeds, Status};
use crate::measure::Measurement;
use crate::net::ReceiveSocket;
use crate::output::{OutputSpec, Outputs};
use crate::session::{
    FrameLimit, Host, Keyring, LOOK_UP_EVERY, Opened, ReceiveContext, ReceiveThreads, Signers, StreamConfig,
};
use crate::sync::lock;
use crate::window::{Options, Window};

/// Receives until enough was delivered, the window is closed, or the program is told to stop.
///
/// # Errors
/// The first thing that failed.
pub fn run(args: &ReceiveArgs) -> Result<()> {
    receive(args, None)
}

/// The same, and measures meanwhile: then the window has the strip beside one sender's pictures, and statistics make way
/// for what is measured.
pub(super) fn receive(args: &ReceiveArgs, measurement: Option<&Arc<Measurement>>) -> Result<()> {
    let stop = Stop::new().context("cannot make an event")?;
    // Before SDL has handlers of its own.
    stop_at_signals(&stop).context("cannot handle signals")?;
    let json_to_stdout = args.stats_json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if json_to_stdout && args.output.iter().any(OutputSpec::is_standard_output) {
        bail!("--stats-json - and an --output to standard output would mix; give --stats-json a file");
    }
    let (keyring, signers) = keys_and_signers(args)?;
    let sources = args.sources();
    let (opened, unknown) = open_sockets(&sources, args)?;
    let web = Web::bind(&args.web, args.web_policy, keyring.pages())?;
    let window = open_window(args, measurement)?;
    let outputs = Arc::new(Outputs::start(&args.output, args.split, &stop)?);
    let console = Console::new("receiver").in_format(args.system.log_format);
    let stats_json = args.stats_json.as_deref().filter(|_| measurement.is_none());
    let reporter =
        Reporter::new(console, stats_json, args.stats_interval)?.with_latest(web.as_ref().map(Web::latest));
    let feeds = Feeds::new();
    if let Some(window) = &window {
        feeds.set_waker(window.waker());
    }
    let shows_several = measurement.is_none() && (window.is_some() || web.is_some());
    let most_senders =
        args.max_senders.map_or_else(|| if shows_several { MOST_IN_A_WINDOW } else { 1 }, usize::from);
    let shared = Arc::new(ReceiveContext {
        feeds,
        decoding: Decoding::new(window.as_ref().map(Window::format)),
        outputs: outputs.clone(),
        stop: stop.clone(),
        keep: args.keep(),
        heartbeats: Mutex::default(),
        shows_in_browsers: web.is_some(),
        keyring,
        signers,
        config: stream_config(args)?,
        most_senders,
        enough: FrameLimit::new(args.frames),
    });
    let all = shared.clone();
    let save_replay = move || all.feeds.tiles().iter().for_each(|feed| drop(feed.recorder.save_replay()));
    at_user_signal(save_replay).context("cannot handle signals")?;
    let threads = ReceiveThreads::new(args.interface.clone(), args.impair.clone(), shared.clone());
    if window.is_none() && can_ask() {
        threads.join_later(key_prompt::start(&shared.keyring, &stop)?);
    }
    for Opened { socket, subscription, status } in opened {
        threads.receive(socket, subscription, status, !sources.is_open)?;
    }
    for host in unknown {
        threads.receive_once_known(host)?;
    }
    let web = web.map(|web| web.serve(&shared)).transpose()?;
    let finder = discovery::start(&sources, &threads)?;
    let decoders = start_decoders(&shared, window.is_some() || outputs.want_pictures())?;
    let (window_there, window_gone) = mpsc::channel::<()>();
    let report = spawn("report", &stop, {
        let (duration, format, shared) = (args.duration, args.format, shared.clone());
        let given = Given { no_vsync: !args.vsync, ..Given::default() };
        let (shared_too, tallies) = (shared.clone(), outputs.tallies());
        let measurement = measurement.cloned();
        let reporting = Reporting { shared: shared_too, format, given, tallies, measurement, reporter };
        move || {
            reporting.run(duration, || {
                let received = threads.join();
                shared.decoding.close();
                let decoded = decoders.finish();
                // Everything that was delivered is written before the last word is said.
                shared.feeds.list().iter().for_each(|feed| feed.recorder.finish());
                let written = outputs.finish();
                // What it has not shown by now it never will.
                let _ = window_gone.recv();
                shared.decoding.settle();
                shared.feeds.list().iter().for_each(|feed| feed.settle());
                [received, decoded, written].into_iter().collect()
            })
        }
    })?;
    let search = measurement.map(|measurement| SearchThread::start(measurement, &stop)).transpose()?;
    let end = Ending { window_there, report, web, search };
    let Some(window) = window else { return end.wait() };
    let ending = Arc::new(Mutex::new(Some(end)));
    window.at_loss({
        let (ending, stop) = (ending.clone(), stop.clone());
        Box::new(move || lose_display(&ending, &stop))
    });
    let shown = window.run(&shared.feeds, finder.as_deref(), &shared.keyring, &stop);
    let end = lock(&ending).take().context("the program ends already")?;
    end.wait_with(shown)
}

/// What is waited for in the end.
struct Ending {
    /// Dropped when the window is gone.
    window_there: mpsc::Sender<()>,
    report: JoinHandle<Result<()>>,
    web: Option<JoinHandle<Result<()>>>,
    search: Option<SearchThread>,
}

impl Ending {
    fn wait(self) -> Result<()> {
        self.wait_with(Ok(()))
    }

    /// Waits; `shown` is how the window ended.
    fn wait_with(self, shown: Result<()>) -> Result<()> {
        drop(self.window_there);
        let reported = join(self.report);
        let served = self.web.map_or(Ok(()), join);
        let searched = self.search.map_or(Ok(()), SearchThread::end);
        reported.and(shown).and(served).and(searched)
    }
}

/// Ends all but the window, whose display has gone away, in order. Returns the status to end with.
fn lose_display(ending: &Mutex<Option<Ending>>, stop: &Stop) -> u8 {
    tracing::warn!("the display has gone away, and with it the window; ending in order");
    stop.request();
    let end = lock(ending).take();
    let shown =
        Err(anyhow!("the window's display has gone away; without one use --output none, or FILE.mkv"));
    let ended = end.map_or(Ok(()), |end| end.wait_with(shown));
    if let Err(error) = ended {
        tracing::error!("{error:#}");
    }
    1
}

/// The keys that are given, or else those that were typed before; and who signs.
fn keys_and_signers(args: &ReceiveArgs) -> Result<(Arc<Keyring>, Signers)> {
    let given = args.keys.for_receiver()?;
    let (mut keys, mut signers) = (KeyStore::open()?, SignerStore::open()?);
    for name in &args.forget {
        let had_key = keys.as_mut().map_or(Ok(false), |keys| keys.forget(name))?;
        match (had_key, signers.forget(name)?) {
            (true, _) => tracing::info!("the key of {name:?} is forgotten: it may be shown without one"),
            (false, true) => tracing::info!("who signs the pictures of {name:?} is forgotten: anybody may"),
            (false, false) => tracing::warn!("no key of {name:?} is kept, and nobody signs under that name"),
        }
    }
    let keyring = Keyring::new(given, keys, args.output.contains(&OutputSpec::Window))?;
    Ok((Arc::new(keyring), Signers::new(signers)))
}

fn stream_config(args: &ReceiveArgs) -> Result<StreamConfig> {
    let deadline = args.deadline;
    Ok(match args.format {
        StreamFormat::Chunkcast => StreamConfig::Chunkcast(RecvConfig {
            deadline,
            feedback: args.feedback,
            resend: args.resend,
            seed: seed()?,
        }),
        StreamFormat::Rtp => StreamConfig::Rtp(RtpRecvConfig { deadline, clock: wall_clock() }),
    })
}

/// The sockets, and the hosts that are not known yet.
fn open_sockets(sources: &Sources, args: &ReceiveArgs) -> Result<(Vec<Opened>, Vec<Host>)> {
    let interface = args.interface.as_deref();
    let (mut opened, mut unknown) = (Vec::new(), Vec::new());
    for &listen in &sources.listen {
        let socket = match ReceiveSocket::open_in_time(listen, interface) {
            Ok(socket) => socket,
            // Nobody asked for this port; senders are looked for too.
            Err(error) if sources.is_open => {
                tracing::info!("not listening: {error:#}");
                continue;
            }
            Err(error) => return Err(error),
        };
        if sources.want_finding() && !listen.ip().is_multicast() {
            socket.make_way_for_groups().context("cannot set up the UDP socket")?;
        }
        let status = Status::new("listening on", listen.to_string());
        opened.push(Opened { socket, subscription: None, status });
    }
    for host in &sources.connect {
        match host.look_up() {
            Ok(addresses) => opened.push(Opened::to_host(host, &addresses, interface)?),
            Err(error) => {
                let seconds = LOOK_UP_EVERY.as_secs();
                tracing::warn!("{error}; check the name, which is looked up again every {seconds} s");
                unknown.push(host.clone());
            }
        }
    }
    Ok((opened, unknown))
}

/// The decoding threads, where pictures are wanted at all.
fn start_decoders(shared: &Arc<ReceiveContext>, wanted: bool) -> Result<Decoders> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Without a window only one sender's pictures are decoded; with one, a slow sender's never take all threads.
    let threads = match (wanted, shared.feeds.have_window()) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => cores.max(2),
    };
    Decoders::start(threads, &shared.stop, |number| {
        let shared = shared.clone();
        move || shared.decoding.run(number, &shared.feeds)
    })
}

/// Some number that no other receiver has.
fn seed() -> Result<u64> {
    Ok(u64::from_ne_bytes(random_bytes()?))
}

/// The window, where one is wanted. SDL wants the main thread.
fn open_window(args: &ReceiveArgs, measurement: Option<&Arc<Measurement>>) -> Result<Option<Window>> {
    if !args.output.contains(&OutputSpec::Window) {
        return Ok(None);
    }
    let options = Options { fullscreen: args.fullscreen, vsync: args.vsync, detail: args.overlay };
    let mut window = Window::open(&options)?;
    tracing::info!("{}", window.describe());
    if let Some(measurement) = measurement {
        window.measure(measurement.clone());
    }
    Ok(Some(window))
}

/// As many tiles as have a key.
const MOST_IN_A_WINDOW: usize = 9;
