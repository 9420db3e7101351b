//! The time of day, as logs and files have it.

use std::time::{SystemTime, UNIX_EPOCH};

/// `2026-11-25T15:58:39.042Z`: UTC, to the millisecond, as RFC 3339 has it (section 5.6).
pub fn rfc3339(time: SystemTime) -> String {
    // A clock that was never set may stand before 1970, and is then shown as standing there.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day so many days after 1970-01-01, by the Gregorian calendar.
///
/// Years are counted from March, so that the leap day is the last of its year, and in cycles of 400, which all have the
/// same number of days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (cycle, day_of_cycle) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
    let leaps = day_of_cycle / 1460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leaps) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    // From March on, five months always have 153 days.
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    (year, month, day)
}

const DAY: u64 = 24 * 3600;
/// From 1 March of the year 0 on.
const DAYS_BEFORE_1970: u64 = 719_468;
const DAYS_OF_400_YEARS: u64 = 146_097;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_is_written_as_rfc_3339_has_it() {
        // By date --utc --date=@N.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.042Z"),
            (951_782_399, "2000-02-28T23:59:59.042Z"),
            (951_782_400, "2000-02-29T00:00:00.042Z"),
            (1_709_251_199, "2024-02-29T23:59:59.042Z"),
            (1_709_251_200, "2024-03-01T00:00:00.042Z"),
            (1_735_689_599, "2024-12-31T23:59:59.042Z"),
            (1_795_622_319, "2026-11-25T15:58:39.042Z"),
            (4_107_542_400, "2100-03-01T00:00:00.042Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 42)), text);
        }
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }
}
