//! Times from glass to glass: a strip of codes on the screen, found again in what a camera sends of it.
//!
//! One code after the other is drawn anew at each *tick*, with its number. The newest code that can be read in a picture
//! says between which ticks it was taken; when it was shown here is known too, and both by one clock.

mod code;
mod histogram_text;
mod luma;
mod measurement;
mod report;
mod report_json;
mod sample;
mod search;
mod search_thread;
mod summary;
mod tell;
mod tick_log;
mod tick_pace;

pub(crate) use code::{LANES, QUIET, SIDE, lane_of};
pub(crate) use measurement::{MeasureProgress, Measurement, ShownPicture};
pub(crate) use sample::PictureTimes;
