//! `receiver list`: the senders on this network, in a table.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use super::browser::{Browser, FoundSender};

/// Looks for so long, and lists who was found. Returns whether there was anybody.
///
/// # Errors
/// If this computer cannot look, or nobody reads what is found.
pub fn list(time: Duration, interface: Option<&str>, out: &mut dyn Write) -> Result<bool> {
    let browser = Browser::start(interface, |_| ())?;
    std::thread::sleep(time);
    let (found, trouble) = (browser.list(), browser.trouble());
    drop(browser);
    if let Some(trouble) = trouble {
        eprintln!("receiver: {trouble}");
    }
    if found.is_empty() {
        eprintln!(
            "receiver: no sender was found within {:.1} s. Is one running, in this network? Where multicast DNS is blocked, \
             give its address: receiver --connect HOST",
            time.as_secs_f64()
        );
        return Ok(false);
    }
    write!(out, "{}", table(&found))?;
    Ok(true)
}

/// The senders below each other.
fn table(found: &[FoundSender]) -> String {
    let mut rows = vec![["NAME", "SIZE", "FPS", "ADDRESS", "GROUP", "KEY"].map(str::to_owned)];
    rows.extend(found.iter().map(row));
    // Where none is locked there is nothing to say of keys.
    let columns = if found.iter().any(|found| found.key.is_some()) { COLUMNS } else { COLUMNS - 1 };
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).take(columns).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

fn row(found: &FoundSender) -> [String; COLUMNS] {
    let unknown = || "-".to_owned();
    [
        found.instance.clone(),
        found.size.map_or_else(unknown, |(width, height)| format!("{width}x{height}")),
        found.fps.map_or_else(unknown, |fps| format!("{fps}")),
        found.addresses.first().map_or_else(unknown, ToString::to_string),
        found.group.map_or_else(unknown, |group| group.to_string()),
        found.key.map_or_else(unknown, |key| key.to_string()),
    ]
}

const COLUMNS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use proto::SessionId;
    use proto::discovery::Mark;
    use proto::wire::KeyId;

    #[test]
    fn columns_stand_below_each_other() {
        let door = FoundSender {
            instance: "door – left".into(),
            name: "door – left".into(),
            size: Some((1280, 720)),
            fps: Some(30.0),
            mark: Mark::of(SessionId::new(1)),
            addresses: vec!["10.77.0.1:9001".parse().unwrap(), "[fd77::1]:9001".parse().unwrap()],
            group: None,
            key: None,
        };
        let group = FoundSender {
            instance: "gate".into(),
            size: None,
            addresses: vec![],
            group: Some("239.255.10.1:9000".parse().unwrap()),
            ..door.clone()
        };
        let lines = "\
NAME         SIZE      FPS  ADDRESS         GROUP
door – left  1280x720  30   10.77.0.1:9001  -
gate         -         30   -               239.255.10.1:9000
";
        assert_eq!(table(&[door.clone(), group]), lines);
        let locked = FoundSender { key: Some(KeyId::new([0xab; 8])), ..door };
        assert!(table(&[locked]).ends_with("-      abababababababab\n"));
    }
}
