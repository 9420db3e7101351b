//! The probability that more chunks are lost than parity can replace.

/// The fewest parity chunks n, up to `most`, for which more than n of `data` + n chunks are lost with at most the given
/// `chance`, each being lost with probability `loss` on its own; `most` if none is enough.
pub(super) fn enough(data: usize, most: usize, loss: f64, chance: f64) -> usize {
    // One more chunk is lost at most once and replaces one: the chance only falls, so it can be searched by halves.
    let (mut least, mut most) = (0, most);
    while least < most {
        let middle = least + (most - least) / 2;
        if more_than(middle, data + middle, loss) <= chance {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    least
}

/// The probability that more than `lost` of `trials` chunks are lost.
// Terms relative to the most likely one, whose own probability may be too small for a float, and divided by their sum
// at the end. Only basic arithmetic, which gives the same result on every machine.
pub(super) fn more_than(lost: usize, trials: usize, loss: f64) -> f64 {
    if loss <= 0.0 || lost >= trials {
        return 0.0;
    }
    let odds = loss / (1.0 - loss);
    let likely = (((trials + 1) as f64 * loss) as usize).min(trials);
    let (mut sum, mut above) = (0.0, 0.0);
    let mut add = |count: usize, term: f64| {
        sum += term;
        if count > lost {
            above += term;
        }
        term > NEGLIGIBLE
    };
    let mut term = 1.0;
    add(likely, term);
    for count in likely + 1..=trials {
        term *= (trials - count + 1) as f64 / count as f64 * odds;
        if !add(count, term) {
            break;
        }
    }
    term = 1.0;
    for count in (0..likely).rev() {
        term *= (count + 1) as f64 / (trials - count) as f64 / odds;
        if !add(count, term) {
            break;
        }
    }
    above / sum
}

/// What a term may be below the largest before it and all beyond it are left out: far below any chance asked for.
const NEGLIGIBLE: f64 = 1e-12;
