//! Starts the threads, keeps the window on the main one, reports, joins them in order, and says what failed first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use proto::host::{Console, Reporter, Stop, at_user_signal, join, spawn, stop_at_signals};
use proto::netem::Netem;
use proto::{RecvConfig, RecvStream};

use crate::args::Args;
use crate::diagnosis::Diagnosis;
use crate::keep::Keeper;
use crate::link::{Link, Probe};
use crate::output::{Outputs, Spec, Tallies};
use crate::receive::Receive;
use crate::screen::Screen;
use crate::stats::{OutputObject, Reports, Stats};
use crate::web::Web;
use crate::window::{Options, Window};

/// Receives until enough was delivered, the window is closed, or the program is told to stop.
///
/// # Errors
/// The first thing that failed.
pub fn run(args: &Args) -> Result<()> {
    let console = Console::new("receiver").in_format(args.system.log_format);
    let stop = Stop::new().context("cannot make an event")?;
    // Before SDL has handlers of its own.
    stop_at_signals(&stop).context("cannot handle signals")?;
    let json_to_stdout = args.stats_json.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if json_to_stdout && args.output.iter().any(Spec::is_standard_output) {
        bail!("--stats-json - and an --output to standard output would mix; give --stats-json a file");
    }
    proto::warm_up();
    let link = Link::open(args.listen, args.interface.as_deref(), &console)?;
    let (probe, buffer) = (link.probe().context("cannot watch the socket")?, link.buffer());
    let web = Web::bind(&args.web)?;
    let window = open_window(args, &console)?;
    let outputs = Arc::new(Outputs::start(&args.output, args.split, &console, &stop)?);
    let keeper = Arc::new(Keeper::new(&args.keep(), &console));
    let past = keeper.clone();
    at_user_signal(move || drop(past.save_past())).context("cannot handle signals")?;
    let reporter = Reporter::new(console.clone(), args.stats_json.as_deref(), args.stats_interval)?
        .with_board(web.as_ref().map(Web::board));
    let screen = Arc::new(match &window {
        None => Screen::without_window(&outputs),
        Some(window) => Screen::with_window(window, args.listen),
    });
    let stats = Arc::new(Stats::default());
    let tap = web.as_ref().map(|web| web.add(stats.clone(), keeper.clone()));
    let web = web.map(|web| web.serve(&stop, &console)).transpose()?;

    let receive = Receive {
        link,
        netem: args.impair.clone().map(Netem::new),
        stream: RecvStream::new(RecvConfig {
            deadline: args.deadline,
            feedback: args.feedback,
            resend: args.resend,
            seed: seed()?,
        }),
        outputs: outputs.clone(),
        keeper: keeper.clone(),
        screen: screen.clone(),
        web: tap,
        stats: stats.clone(),
        stop: stop.clone(),
        most: args.frames,
        console: console.clone(),
    };
    let diagnosis = Diagnosis::new(args.listen, args.interface.clone(), buffer, console.clone());
    let receive = spawn("receive", &stop, move || receive.run())?;
    let decode = spawn("decode", &stop, {
        let (screen, outputs, stats) = (screen.clone(), outputs.clone(), stats.clone());
        move || {
            screen.decode(&outputs, &stats, &console);
            Ok(())
        }
    })?;
    let report = spawn("report", &stop, {
        let report = Reporting {
            stop: stop.clone(),
            stats: stats.clone(),
            screen: screen.clone(),
            probe,
            diagnosis,
            tallies: outputs.tallies(),
            reporter,
        };
        let (duration, screen) = (args.duration, screen.clone());
        move || {
            report.run(duration, || {
                let received = join(receive);
                screen.close();
                let decoded = join(decode);
                // Everything that was delivered is written before the last word is said.
                keeper.finish();
                let written = Arc::into_inner(outputs).map_or(Ok(()), Outputs::finish);
                received.and(decoded).and(written)
            })
        }
    })?;
    let shown = match (window, screen.window()) {
        (Some(window), Some(side)) => {
            window.run(&side.pictures, &side.status, &stop, |shown| side.shown(&shown, &stats))
        }
        _ => Ok(()),
    };
    let reported = join(report);
    let served = web.map_or(Ok(()), join);
    reported.and(shown).and(served)
}

/// Some number that no other receiver has.
fn seed() -> Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random numbers: {error}"))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The window, where one is wanted. SDL wants the main thread.
fn open_window(args: &Args, console: &Console) -> Result<Option<Window>> {
    if !args.output.contains(&Spec::Window) {
        return Ok(None);
    }
    let window = Window::open(&Options { fullscreen: args.fullscreen, vsync: args.vsync })?;
    console.say(window.describe());
    Ok(Some(window))
}

/// Reports at each interval, and a last time when all has ended.
struct Reporting {
    stop: Stop,
    stats: Arc<Stats>,
    screen: Arc<Screen>,
    probe: Probe,
    diagnosis: Diagnosis,
    tallies: Tallies,
    reporter: Reporter,
}

impl Reporting {
    /// Reports until the program is told to stop, or `duration` is over; then has everything `end`ed.
    fn run(mut self, duration: Option<Duration>, end: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut reports = Reports::default();
        let over = duration.map(|duration| Instant::now() + duration);
        self.reporter.watch("receive", self.stats.pulse.clone());
        self.reporter.ready();
        loop {
            let left = over.map(|over| over.saturating_duration_since(Instant::now()));
            let wait = left.unwrap_or(Duration::MAX).min(self.reporter.until_next());
            if self.stop.wait(wait) || left == Some(Duration::ZERO) {
                break;
            }
            self.reporter.keep_alive();
            if self.reporter.is_due() {
                let dropped = self.probe.kernel_dropped();
                self.look(dropped);
                self.diagnosis.look(&self.stats);
                let report = reports.make(&self.stats, false);
                self.screen.report(&report.object);
                self.reporter.report(&report);
            }
        }
        self.reporter.stopping();
        self.stop.request();
        let dropped = self.probe.kernel_dropped();
        let result = end();
        self.look(dropped);
        self.reporter.finish(&reports.make(&self.stats, true));
        result
    }

    /// Brings what others count into the statistics.
    fn look(&self, kernel_dropped: u64) {
        let outputs = self.tallies.read().map(OutputObject::new).collect();
        let mut counters = self.stats.lock();
        (counters.kernel_dropped, counters.outputs) = (kernel_dropped, outputs);
    }
}
