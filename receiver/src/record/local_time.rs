//! The time on this computer's wall, for file names.

#![allow(unsafe_code, reason = "no crate that is here knows the system's time zone")]

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, as `YYYYMMDD-HHMMSS` in the system's time zone.
pub(super) fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    at(libc::time_t::try_from(seconds).unwrap_or(libc::time_t::MAX))
}

fn at(time: libc::time_t) -> String {
    // SAFETY: all zeroes is a `tm`.
    let mut tm: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to values that live until it returns, and it keeps neither (localtime_r(3)).
    let known = unsafe { libc::localtime_r(&raw const time, &raw mut tm) };
    if known.is_null() {
        // A year that does not fit: seconds since 1970 are a name too.
        return time.to_string();
    }
    let (year, month) = (i64::from(tm.tm_year) + 1900, tm.tm_mon + 1);
    format!("{year:04}{month:02}{:02}-{:02}{:02}{:02}", tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_date_says() {
        for time in [0, 1_000_000_000, 1_785_000_000] {
            let date = std::process::Command::new("date")
                .args(["-d", &format!("@{time}"), "+%Y%m%d-%H%M%S"])
                .output()
                .unwrap();
            assert_eq!(at(time), String::from_utf8(date.stdout).unwrap().trim());
        }
        assert_eq!(at(libc::time_t::MAX), libc::time_t::MAX.to_string());
        assert_eq!(stamp().len(), 15);
    }
}
