//! Starts the threads, reports while they run, joins them in order, and says what failed first.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use proto::app::keys::{hold_secret, signing_key};
use proto::app::{Console, Reporter, StreamFormat};
use proto::keys::{Key, KeyId, SenderKeys, SigningKey, Suite};
use proto::sys::{Stop, at_user_signal, join, random_bytes, spawn, stop_at_signals, wall_clock};
use proto::{Fec, QualityControl, SessionId, SubscribeServer};

use super::diagnosis::Diagnosis;
use super::report::Reporting;
use super::sockets::{SenderSockets, say_where};
use super::web::Web;
use crate::args::Args;
use crate::capture::source::{SourceOptions, WantedMode};
use crate::capture::{CaptureThread, OpenedSource, Sizes};
use crate::encode::{self, Encoder};
use crate::inbox::FrameTap;
use crate::net::computer_of;
use crate::pipeline::Pipeline;
use crate::send::{self, Fanout, Keyed, StreamFactory};
use crate::serve::{Announcer, Sdp};
use crate::stats::Reports;

/// Sends until the source ends, enough was sent, or the program is told to stop.
///
/// # Errors
/// The first thing that failed.
pub fn run(args: &Args) -> Result<()> {
    let stop = Stop::new().context(NO_EVENT)?;
    handle_signals(&stop)?;
    if args.format == StreamFormat::Chunkcast && args.fec != Fec::Off {
        // Longer than sending a picture: meanwhile the source is opened. Nobody waits for it but the first parity.
        spawn("parity tables", &stop, || {
            proto::warm_up();
            Ok(())
        })?;
    }
    // Before anything is opened: it may have to be asked for.
    let key = args.keys.for_sender()?;
    let signing = args.sign.as_deref().map(signing_key).transpose()?;
    if key.is_some() && args.format == StreamFormat::Rtp {
        tracing::warn!(
            "RTP/JPEG cannot be sealed: everybody on the way sees these pictures, whatever key there is"
        );
    }
    let sockets = SenderSockets::open(args)?;
    let web = Web::bind(&args.web, args.web_policy, key.iter().cloned().collect())?;
    let console = Console::new("sender").in_format(args.system.log_format);
    let mut reporter = Reporter::new(console, args.stats_json.as_deref(), args.stats_interval)?
        .with_latest(web.as_ref().map(Web::latest));

    let run = Run::new(args, key, web.as_ref(), stop)?;
    let pipeline = run.pipeline.clone();
    let web = web.map(|web| web.serve(args.name(), pipeline.inbox.clone(), &pipeline.stop)).transpose()?;
    let (capture, opened) = run.start_capture()?;
    let encode = run.start_encode()?;
    let (mut send, mut announcer) = (None, None);
    if let Some(source) = wait_for_source(&opened, &pipeline.stop) {
        tracing::info!("{}", source.description);
        announcer = sockets.announce(args, &source, run.session, run.key_id(), &run.sizes, &pipeline.stop);
        send = Some(run.start_send(sockets, &source, signing)?);
        reporter.watch("send", pipeline.stats.heartbeat.clone());
        reporter.ready();
    }

    let reporting = Reporting {
        pipeline: pipeline.clone(),
        diagnosis: Diagnosis::new(args.format).of_given(args.given()),
        reports: Reports::new(run.session, args.quality.max()),
        reporter,
    };
    reporting.run(args.duration, || {
        let threads = [Some(capture), Some(encode), send, web];
        let results = threads.map(|thread| thread.map_or(Ok(()), join));
        let announced = announcer.map_or(Ok(()), Announcer::end);
        // A picture that came while the program was already ending, with nobody to send it.
        if pipeline.inbox.close_empty() {
            pipeline.stats.replaced(pipeline.demand.is_there());
        }
        results.into_iter().chain([announced]).collect()
    })
}

fn handle_signals(stop: &Stop) -> Result<()> {
    stop_at_signals(stop).context("cannot handle signals")?;
    let keeps_nothing =
        move || tracing::info!("a sender keeps nothing of the past; SIGUSR1 is for a receiver");
    at_user_signal(keeps_nothing).context("cannot handle signals")
}

/// What the threads of one run are made of.
struct Run<'a> {
    args: &'a Args,
    session: SessionId,
    secret: [u8; 16],
    key: Option<Key>,
    sizes: Arc<Sizes>,
    pipeline: Pipeline,
}

impl<'a> Run<'a> {
    fn new(args: &'a Args, key: Option<Key>, web: Option<&Web>, stop: Stop) -> Result<Self> {
        let clock = wall_clock();
        let tap = web.map(|web| web.tap(clock));
        let tap = tap.map(|tap| -> FrameTap { Box::new(move |frame| tap.put(frame)) });
        let pipeline = Pipeline::new(clock, stop, tap).context(NO_EVENT)?;
        pipeline.demand.set(!args.dest.is_empty());
        Ok(Self {
            args,
            session: SessionId::new(u64::from_ne_bytes(random_bytes()?).max(1)),
            secret: random_bytes()?,
            key,
            sizes: Arc::new(Sizes::new().context(NO_EVENT)?),
            pipeline,
        })
    }

    /// Starts the capture thread; it says what the source is once that is open.
    fn start_capture(&self) -> Result<(JoinHandle<Result<()>>, Receiver<OpenedSource>)> {
        let (args, pipeline) = (self.args, self.pipeline.clone());
        let wanted = WantedMode { size: args.size, fps: args.fps };
        let options = SourceOptions { wanted, repeat: args.repeat };
        let capture =
            CaptureThread::new(args.source.clone(), options, self.sizes.clone(), self.pipeline.clone());
        let (opened, when_opened) = sync_channel(1);
        let thread = spawn("capture", &self.pipeline.stop, move || {
            let result = capture.run(&opened);
            // Whoever comes after ends when it has nothing left.
            pipeline.pictures.close();
            pipeline.demand.end();
            drop(opened);
            result.inspect_err(|_| pipeline.inbox.close())
        })?;
        Ok((thread, when_opened))
    }

    fn start_encode(&self) -> Result<JoinHandle<Result<()>>> {
        let pipeline = self.pipeline.clone();
        let (encoder, control) =
            (Encoder::new(self.args.subsampling)?, QualityControl::new(self.args.quality));
        spawn("encode", &self.pipeline.stop, move || {
            encode::run(&pipeline, encoder, control);
            pipeline.inbox.close();
            Ok(())
        })
    }

    /// Which key it is locked with, if it is.
    fn key_id(&self) -> Option<KeyId> {
        self.key.as_ref().map(Key::id)
    }

    /// The keys of this run, if only who has them is to look. RTP/JPEG cannot be sealed.
    fn keyed(&self) -> Result<Option<Keyed>> {
        let Some(key) = self.key.clone().filter(|_| self.args.format == StreamFormat::Chunkcast) else {
            return Ok(None);
        };
        hold_secret();
        let (id, suite) = (key.id(), Suite::fastest());
        tracing::info!("locked with key {id}: only who has it looks and speaks");
        Ok(Some(Keyed::new(SenderKeys::new(key, self.session, random_bytes()?, suite))))
    }

    /// Starts the send thread, with a stream for each destination that there is already.
    fn start_send(
        &self,
        sockets: SenderSockets,
        source: &OpenedSource,
        signing: Option<SigningKey>,
    ) -> Result<JoinHandle<Result<()>>> {
        let (args, pipeline) = (self.args, self.pipeline.clone());
        let mut config = args.send_config(self.session, self.secret);
        config.signer = signing.as_ref().map(SigningKey::signer);
        if let Some(signer) = config.signer {
            hold_secret();
            tracing::info!("each picture is signed by {signer}");
        }
        let streams = StreamFactory::new(args.format, config, args.impair.clone(), pipeline.clock);
        let SenderSockets { options, opened, awaited, bell, served } = sockets;
        let mut fanout = Fanout::new(streams, options).context(NO_EVENT)?;
        fanout.lock(self.keyed()?);
        fanout.sign_by(signing);
        let rate = source.interval.map(|interval| interval.as_secs_f64().recip());
        let sdp = |path: &PathBuf| Sdp { path: path.clone(), ttl: args.ttl, name: args.name(), rate };
        fanout.describe_by(args.sdp.as_ref().map(sdp));
        for (socket, route) in opened {
            fanout.add(socket, route, &pipeline.stats);
        }
        fanout.add_later(awaited, bell);
        if let Some(sockets) = served {
            say_where(args, &sockets, self.session);
            let most = args.max_viewers.into();
            let server = SubscribeServer::new(self.session, self.secret, most, pipeline.clock);
            fanout.serve(sockets, server.with_computers(computer_of));
        }
        let (follow, most) = (args.follow, args.frames);
        spawn("send", &self.pipeline.stop, move || {
            let result = send::run(&pipeline, fanout, follow, most);
            pipeline.stop.request();
            result
        })
    }
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

const NO_EVENT: &str = "cannot make an event";
