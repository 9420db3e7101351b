//! The window's words: its title, and the card that stands in for a picture.

use std::time::{Duration, Instant};

use super::samples::Now;
use crate::feed::{Status, StreamState};

impl Status {
    /// What to call the sender: its name, or where it is, or what is waited for.
    pub(crate) fn label(&self) -> &str {
        [&self.name, &self.source].into_iter().find(|name| !name.is_empty()).unwrap_or(&self.listening)
    }

    /// The window's title, where it shows this sender alone.
    pub(crate) fn title(&self, figures: &Now) -> String {
        let name = match (self.name.is_empty(), self.source.is_empty()) {
            (false, _) => &self.name,
            (true, false) => &self.source,
            (true, true) => "Chunkcast",
        };
        match (&self.state, self.size) {
            (StreamState::Live, Some((width, height))) => {
                let Now { fps, mbps, loss_percent: loss, .. } = figures;
                format!("{name} - {width}x{height}, {fps:.1} fps, {mbps:.1} Mbit/s, {loss:.1} % lost")
            }
            (StreamState::Live, None) => name.to_owned(),
            (StreamState::Waiting(_), _) => format!("{name} - waiting"),
            (StreamState::Silent(_), _) => format!("{name} - no signal"),
            (StreamState::SourceGone(_), _) => format!("{name} - source gone"),
            (StreamState::Ended, _) => format!("{name} - ended"),
            (StreamState::Full, _) => format!("{name} - full"),
            (StreamState::Away(_), _) => format!("{name} - not there"),
            (StreamState::Locked(_), _) => format!("{name} - locked"),
            (StreamState::Refused(_), _) => format!("{name} - not shown"),
        }
    }

    /// The lines of the card, the first one large; `None` while the picture is what there is to see.
    pub(crate) fn card(&self, now: Instant) -> Option<Vec<String>> {
        let (head, then) = match &self.state {
            StreamState::Live => return None,
            StreamState::Waiting(since) => ("no signal", format!("waiting for {}", spoken(now - *since))),
            StreamState::Silent(since) => ("no signal", format!("for {}", spoken(now - *since))),
            StreamState::Away(why) => ("not there", why.clone()),
            StreamState::Locked(why) => ("locked", why.clone()),
            StreamState::Refused(why) => ("not shown", why.clone()),
            StreamState::SourceGone(why) => ("source gone", why.clone()),
            StreamState::Ended => ("ended", "the sender has said goodbye".to_owned()),
            StreamState::Full => {
                ("full", "the sender has as many viewers as it may; see its --max-viewers".to_owned())
            }
        };
        let mut lines =
            vec![head.to_owned(), then, String::new(), format!("{} {}", self.doing, self.listening)];
        match (self.name.is_empty(), self.source.is_empty()) {
            (true, true) => {}
            (false, false) => lines.push(format!("last source: {} ({})", self.name, self.source)),
            _ => lines.push(format!("last source: {}{}", self.name, self.source)),
        }
        Some(lines)
    }
}

/// A duration as a person would say it, to the second.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_says_since_when_and_where() {
        let since = Instant::now();
        let mut status = Status::new("listening on", "0.0.0.0:9000");
        status.state = StreamState::Silent(since);
        status.name = "door".to_owned();
        status.source = "192.168.1.7:41000".to_owned();
        let lines = status.card(since + Duration::from_secs(75)).unwrap();
        assert_eq!(
            lines,
            [
                "no signal",
                "for 1 min 15 s",
                "",
                "listening on 0.0.0.0:9000",
                "last source: door (192.168.1.7:41000)"
            ]
        );
        status.state = StreamState::SourceGone("the camera was unplugged".to_owned());
        assert_eq!(status.card(since).unwrap()[..2], ["source gone", "the camera was unplugged"]);
    }

    #[test]
    fn the_title_has_the_figures_while_pictures_come() {
        let mut status = Status::new("listening on", "0.0.0.0:9000");
        let figures = Now { fps: 29.97, mbps: 24.06, loss_percent: 0.04, ..Now::default() };
        assert_eq!(status.title(&figures), "Chunkcast - waiting");
        status.name = "door".to_owned();
        (status.state, status.size) = (StreamState::Live, Some((1280, 720)));
        assert_eq!(status.title(&figures), "door - 1280x720, 30.0 fps, 24.1 Mbit/s, 0.0 % lost");
        assert_eq!(status.card(Instant::now()), None);
    }
}
