//! A program made up for the HTTP server that both programs show themselves by.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use crate::common::http::Client;
use proto::app::web::{Family, Listener, Site, WebAction, WebFeed};
use proto::app::{Broadcast, PageKeys, WebArgs, WebPolicy};
use proto::sys::{Stop, join};
use proto::{Frame, MediaTime};

/// A program with two senders.
pub(crate) struct Made {
    pub(crate) feeds: [Arc<Broadcast>; 2],
    pub(crate) is_gone: AtomicBool,
    pub(crate) asked: Mutex<Vec<(WebAction, usize)>>,
}

impl Site for Made {
    fn program(&self) -> &'static str {
        "receiver"
    }

    fn feeds(&self) -> Vec<WebFeed> {
        let gone = self.is_gone.load(Ordering::Relaxed).then(|| "the sender has ended its stream".to_owned());
        let feed = |name: &str, newest: &Arc<Broadcast>| WebFeed {
            name: name.into(),
            newest: newest.clone(),
            trouble: gone.clone(),
            is_relative: false,
        };
        vec![feed("door", &self.feeds[0]), feed("a \"b\\\" \n c", &self.feeds[1])]
    }

    fn stats(&self) -> Arc<str> {
        r#"{"time":1.5,"frames":{"delivered":7,"lost":2},"ms":{"transit":{"p50":1.5,"p99":null}},"fps":29.97}"#.into()
    }

    fn families(&self) -> &'static [Family] {
        const FAMILIES: &[Family] = &[
            Family::counter("chunkcast_receiver_frames_total", "Pictures, by their end", "frames/*")
                .by(&["state"]),
            Family::gauge("chunkcast_receiver_delay_seconds", "Delays", "ms/*/*", 0.001).by(&["stage", "of"]),
            Family::gauge("chunkcast_receiver_frames_per_second", "Pictures a second", "fps", 1.0),
        ];
        FAMILIES
    }

    fn actions(&self) -> &'static [WebAction] {
        &[WebAction::Snapshot, WebAction::Replay]
    }

    fn act(&self, action: WebAction, feed: usize) -> Result<String, String> {
        self.asked.lock().unwrap().push((action, feed));
        match action {
            WebAction::Snapshot => Ok("written to door.jpg".into()),
            WebAction::Replay => Err("nothing is kept; start with --past 10s".into()),
        }
    }
}

/// A server that runs. Dropping it ends it in order.
pub(crate) struct Served {
    pub(crate) site: Arc<Made>,
    pub(crate) at: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Served {
    pub(crate) fn start(viewers: u8) -> Self {
        Self::start_with(viewers, WebPolicy::default())
    }

    pub(crate) fn start_with(viewers: u8, policy: WebPolicy) -> Self {
        Self::serve(WebArgs { viewers, ..WebArgs::default() }, policy, PageKeys::default())
    }

    /// One that asks for these keys, and has the rest by these options, but for where it listens.
    pub(crate) fn serve(args: WebArgs, policy: WebPolicy, keys: PageKeys) -> Self {
        let feeds = [Arc::new(Broadcast::new()), Arc::new(Broadcast::new())];
        let site = Arc::new(Made { feeds, is_gone: false.into(), asked: Mutex::default() });
        let (stop, hosts) = (Stop::new().unwrap(), vec!["bench3.example".into()]);
        let address = Some("127.0.0.1:0".parse().unwrap());
        let listener = Listener::bind(&WebArgs { address, hosts, ..args }).unwrap().unwrap();
        let at = listener.address().unwrap();
        let listener = listener.with_policy(policy).with_keys(keys);
        let thread = listener.serve(site.clone(), &stop).unwrap();
        Self { site, at, stop, thread: Some(thread) }
    }

    pub(crate) fn put(&self, feed: usize, id: u64, bytes: usize) {
        let frame = Frame {
            captured: MediaTime::from_micros(1000 + id),
            jpeg: Arc::new(vec![id as u8; bytes]),
            signature: None,
        };
        self.site.feeds[feed].put(id, frame, Instant::now());
    }

    pub(crate) fn watch(&self, path: &str) -> Client {
        let mut client = Client::connect(self.at);
        client.request("GET", path, &[]);
        let head = client.head().unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert_eq!(client.line(), "--chunkcast\r\n");
        client
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.request();
        join(self.thread.take().unwrap()).unwrap();
    }
}
