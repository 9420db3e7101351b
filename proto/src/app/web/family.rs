//! A Prometheus metric: its name, where it stands in the statistics, and how it is written.

use std::fmt::Write;

use serde_json::Value;

/// One metric, and where it stands in a stream's figures.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, with its unit last.
    pub name: &'static str,
    /// What it is, in a line.
    pub help: &'static str,
    /// Whether it only counts up.
    pub kind: MetricKind,
    /// The way to it, such as `frames/sent`. A `*` stands for each entry of an object or array.
    pub path: &'static str,
    /// A label for each `*`: an object's entry is called by its key, an array's by what it has under the label's name,
    /// or under another, as in `viewer=address`.
    pub labels: &'static [&'static str],
    /// Keys that a `*` does not stand for.
    pub without: &'static [&'static str],
    /// What to multiply with to come to the name's unit.
    pub scale: f64,
}

/// What kind of a figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only counts up.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl Family {
    /// A counter of what stands at `path`.
    pub const fn counter(name: &'static str, help: &'static str, path: &'static str) -> Self {
        Self { name, help, kind: MetricKind::Counter, path, labels: &[], without: &[], scale: 1.0 }
    }

    /// A gauge of what stands at `path`, in a unit that is `scale` of that there.
    pub const fn gauge(name: &'static str, help: &'static str, path: &'static str, scale: f64) -> Self {
        Self { name, help, kind: MetricKind::Gauge, path, labels: &[], without: &[], scale }
    }

    /// The same with labels for each `*` of its path.
    #[must_use]
    pub const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    /// The same without these keys.
    #[must_use]
    pub const fn without(self, without: &'static [&'static str]) -> Self {
        Self { without, ..self }
    }

    /// Whether its path leads somewhere in these figures, as far as the lists on it are not empty.
    pub fn is_in(&self, figures: &Value) -> bool {
        let mut at = figures;
        for step in self.path.split('/') {
            let next = match at {
                Value::Array(all) if all.is_empty() => return true,
                Value::Array(all) if step == "*" => all.first(),
                Value::Object(all) if step == "*" => all.values().next(),
                _ => at.get(step),
            };
            let Some(next) = next else { return false };
            at = next;
        }
        self.path.matches('*').count() == self.labels.len()
    }

    pub(super) fn begin(&self, text: &mut String) {
        header(text, self.name, self.help, self.kind);
    }

    /// Writes what is found under `value` by the rest of the path; `labels` are those so far.
    pub(super) fn write(&self, text: &mut String, value: &Value, path: &str, names: &[&str], labels: &str) {
        let (step, rest) = path.split_once('/').unwrap_or((path, ""));
        match (step, names, value) {
            ("", ..) => {
                if let Some(number) = self.number(value) {
                    let _ = writeln!(text, "{}{{{labels}}} {number}", self.name);
                }
            }
            ("*", [name, names @ ..], Value::Object(entries)) => {
                for (key, value) in entries.iter().filter(|(key, _)| !self.without.contains(&key.as_str())) {
                    self.write(text, value, rest, names, &format!("{labels},{}", label(name, key)));
                }
            }
            ("*", [name, names @ ..], Value::Array(entries)) => {
                let (name, field) = name.split_once('=').unwrap_or((name, name));
                for (at, value) in entries.iter().enumerate() {
                    let key = value[field].as_str().unwrap_or_default();
                    // Prometheus takes nothing at all where two samples are called the same.
                    let key = match entries[..at].iter().filter(|other| other[field] == value[field]).count()
                    {
                        0 => key.to_owned(),
                        before => format!("{key} #{}", before + 1),
                    };
                    self.write(text, value, rest, names, &format!("{labels},{}", label(name, &key)));
                }
            }
            _ => self.write_at(text, &value[step], rest, names, labels),
        }
    }

    fn write_at(&self, text: &mut String, value: &Value, path: &str, names: &[&str], labels: &str) {
        if !value.is_null() {
            self.write(text, value, path, names, labels);
        }
    }

    /// Counts stay whole.
    fn number(&self, value: &Value) -> Option<String> {
        match value {
            Value::Number(number) if self.scale == 1.0 => Some(number.to_string()),
            Value::Number(number) => Some((number.as_f64()? * self.scale).to_string()),
            Value::Bool(is) => Some(u8::from(*is).to_string()),
            _ => None,
        }
    }
}

/// What stands in front of the samples of a metric.
pub(super) fn header(text: &mut String, name: &str, help: &str, kind: MetricKind) {
    let kind = match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
    };
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

/// A label, with what would end its value escaped.
pub(super) fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(family: Family, figures: &Value) -> String {
        let mut text = String::new();
        family.write(&mut text, figures, family.path, family.labels, "sender=\"a\"");
        text
    }

    #[test]
    fn figures_are_found_by_their_way() {
        let figures = json!({
            "frames": {"sent": 9_007_199_254_740_993u64, "lost": 2, "all": 11},
            "ms": {"encode": {"p50": 1.5, "p99": null}},
            "to": [{"address": "a:1", "bytes": 7}, {"address": "b:\"2", "bytes": 8}, {"address": "a:1", "bytes": 9}],
        });
        let by = Family::counter("f_total", "", "frames/*").by(&["state"]).without(&["all"]);
        let text =
            "f_total{sender=\"a\",state=\"lost\"} 2\nf_total{sender=\"a\",state=\"sent\"} 9007199254740993\n";
        assert_eq!(written(by, &figures), text);
        let ms = Family::gauge("d_seconds", "", "ms/*/*", 0.001).by(&["stage", "is"]);
        assert_eq!(written(ms, &figures), "d_seconds{sender=\"a\",stage=\"encode\",is=\"p50\"} 0.0015\n");
        let to = Family::counter("b_total", "", "to/*/bytes").by(&["address"]);
        let text = written(to, &figures);
        assert_eq!(text.lines().nth(1), Some("b_total{sender=\"a\",address=\"b:\\\"2\"} 8"));
        assert_eq!(
            text.lines().nth(2),
            Some("b_total{sender=\"a\",address=\"a:1 #2\"} 9"),
            "no two are the same"
        );
        let to = Family::counter("b_total", "", "to/*/bytes").by(&["viewer=address"]);
        assert!(written(to, &figures).starts_with("b_total{sender=\"a\",viewer=\"a:1\"} 7\n"));
        assert!(to.is_in(&figures) && by.is_in(&figures) && ms.is_in(&figures));
        assert!(!to.is_in(&json!({"to": [{"address": "a:1"}]})) && to.is_in(&json!({"to": []})));
        assert!(!Family::counter("b_total", "", "to/*/bytes").is_in(&figures), "a label is missing");
        assert_eq!(written(Family::counter("n", "", "frames/none"), &figures), "");
        assert_eq!(written(Family::counter("n", "", "frames/sent/deeper"), &figures), "");
        assert_eq!(written(Family::counter("n", "", "frames"), &figures), "");
    }
}
