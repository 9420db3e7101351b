//! From `tracing` to the console: which events become messages, and how they are written.

use std::error::Error;
use std::fmt::{Debug, Write};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

use super::console::Console;

/// From now on, messages of all threads go to `console`: those of this level and above, or else those that the variable
/// `RUST_LOG` names, or else those of the `usual` level and above.
pub(super) fn start(console: Console, level: Option<Level>, usual: Level) {
    let (filter, mistake) = match (level, std::env::var(VARIABLE)) {
        (Some(level), _) => (everything(level), None),
        (None, Ok(text)) if !text.is_empty() => match named(&text, usual) {
            Ok(filter) => (filter, None),
            Err(error) => (everything(usual), Some(error)),
        },
        (None, _) => (everything(usual), None),
    };
    let subscriber = Registry::default().with(filter).with(ConsoleLayer { console });
    // The first one stays: a program has one command line.
    let _ = tracing::subscriber::set_global_default(subscriber);
    if let Some(error) = mistake {
        tracing::warn!(
            "{VARIABLE} is ignored: {error}; write it as in debug, or as in info,proto::rate=debug"
        );
    }
}

/// Reads a level as it is typed.
pub(super) fn level_parser() -> impl TypedValueParser<Value = Level> {
    PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<Level>())
}

fn everything(level: Level) -> Targets {
    Targets::new().with_default(level)
}

/// What `RUST_LOG` names. Where it is about other programs, ours are not silent.
fn named(text: &str, usual: Level) -> Result<Targets, impl Error + use<>> {
    let filter = text.parse::<Targets>();
    filter.map(|filter| {
        let filter = match filter.default_level() {
            None => filter.with_default(LevelFilter::from_level(usual)),
            Some(_) => filter,
        };
        let most = filter.iter().map(|(_, level)| level).chain(filter.default_level()).max();
        filter.with_targets(most.map(|most| (SPANS, most)))
    })
}

/// The target of spans that say of which stream something is told: they are there wherever decisions are told at all.
pub const SPANS: &str = "stream";

/// The environment variable that other programs in Rust have for this, too.
const VARIABLE: &str = "RUST_LOG";

/// Hands each message to the console.
struct ConsoleLayer {
    console: Console,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ConsoleLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // What it belongs to stands behind what it says.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.values.extend(of_span.values.iter().cloned());
            }
        }
        self.console.write(*event.metadata().level(), &fields.message, &fields.values);
    }
}

/// What an event or a span says.
#[derive(Default)]
struct Fields {
    message: String,
    /// By name, in the order in which they were written.
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.values.push((field.name(), value.into()));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field, value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // No figure here is measured better.
        self.add(field, (value * 1000.0).round() / 1000.0);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;

    use super::*;
    use crate::app::console::LogFormat;

    #[test]
    fn a_message_is_one_line_with_what_it_is_about_behind_it() {
        let said = |format| {
            Console::caught(format, |console| {
                let filter = everything(Level::DEBUG);
                with_default(Registry::default().with(filter).with(ConsoleLayer { console }), || {
                    let span = tracing::debug_span!("stream", from = %"[::1]:5", name = "a\u{1b}b c");
                    tracing::info!("as it always was");
                    tracing::debug!(parent: &span, loss = 0.123456, bytes = 3, why = "", "pace is lower");
                    tracing::trace!("not this");
                });
            })
        };
        assert_eq!(
            said(LogFormat::Text),
            "test: as it always was\n\
             test: debug: pace is lower loss=0.123 bytes=3 why=\"\" from=[::1]:5 name=\"a\u{fffd}b c\"\n"
        );
        let lines: Vec<Value> =
            said(LogFormat::Json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [plain, detailed] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((&plain["level"], plain.get("fields")), (&"info".into(), None));
        assert_eq!((&detailed["level"], &detailed["message"]), (&"debug".into(), &"pace is lower".into()));
        assert_eq!(
            detailed["fields"],
            serde_json::json!({
                "loss": 0.123, "bytes": 3, "why": "", "from": "[::1]:5", "name": "a\u{1b}b c"
            })
        );
    }

    #[test]
    fn what_the_variable_names_is_said_and_what_it_does_not_stays_as_usual() {
        for (text, rate, send) in [
            ("debug", true, true),
            ("proto::rate=debug", true, false),
            ("warn,proto::rate=debug", true, false),
            ("other=trace", false, false),
            ("off", false, false),
        ] {
            let filter = named(text, Level::INFO).unwrap();
            let is_said = |target| filter.would_enable(target, &Level::DEBUG);
            assert_eq!((is_said("proto::rate::probe"), is_said("proto::send")), (rate, send), "{text}");
            let by_default = filter.would_enable("sender", &Level::INFO);
            assert_eq!(by_default, !matches!(text, "off" | "warn,proto::rate=debug"), "{text}");
        }
        assert!(named("proto=loud", Level::INFO).is_err());
    }
}
