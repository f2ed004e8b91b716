//! Which exemplars of an answer stay where there are more than are asked for.

use super::SeriesExemplars;
use crate::exemplar::Exemplar;

/// Leaves at most `limit` exemplars: the highest of each of as many equal parts of the time that they cover. Whether any went.
pub(super) fn thin(list: &mut Vec<SeriesExemplars>, limit: usize) -> bool {
    let all = || list.iter().flat_map(|of| &of.exemplars);
    if all().count() <= limit {
        return false;
    }
    if limit == 0 {
        list.clear();
        return true;
    }
    let first = all().map(|e| e.t).min().unwrap_or(0);
    let last = all().map(|e| e.t).max().unwrap_or(0);
    let span = i128::from(last) - i128::from(first) + 1;
    let part = |e: &Exemplar| usize::try_from((i128::from(e.t) - i128::from(first)) * limit as i128 / span).unwrap_or(0);
    let mut highest: Vec<Option<(usize, usize, f64)>> = vec![None; limit];
    for (series, of) in list.iter().enumerate() {
        for (at, exemplar) in of.exemplars.iter().enumerate() {
            let best = &mut highest[part(exemplar)];
            if best.is_none_or(|(_, _, v)| exemplar.v > v) {
                *best = Some((series, at, exemplar.v));
            }
        }
    }
    let mut stay: Vec<(usize, usize)> = highest.into_iter().flatten().map(|(series, at, _)| (series, at)).collect();
    stay.sort_unstable();
    for (series, of) in list.iter_mut().enumerate() {
        let mut at = 0..;
        of.exemplars.retain(|_| at.next().is_some_and(|at| stay.binary_search(&(series, at)).is_ok()));
    }
    list.retain(|of| !of.exemplars.is_empty());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;

    #[test]
    fn the_highest_of_each_part_stays() {
        let of = |name: &str, points: &[(i64, f64)]| SeriesExemplars {
            labels: Labels::metric(name, &[]),
            exemplars: points.iter().map(|(t, v)| Exemplar::new([], *t, *v).unwrap()).collect(),
        };
        let all = vec![of("a", &[(0, 1.0), (4, 2.0), (9, 1.0)]), of("b", &[(2, 7.0)]), of("c", &[(5, 0.0), (9, 3.0)])];
        for (limit, gone, left) in [
            (6, false, vec![("a", vec![0, 4, 9]), ("b", vec![2]), ("c", vec![5, 9])]),
            (2, true, vec![("b", vec![2]), ("c", vec![9])]),
            (5, true, vec![("a", vec![0, 4]), ("b", vec![2]), ("c", vec![9])]),
            (1, true, vec![("b", vec![2])]),
            (0, true, vec![]),
        ] {
            let mut list = all.clone();
            assert_eq!(thin(&mut list, limit), gone, "{limit}");
            let times: Vec<_> = list.iter().map(|of| (of.labels.name(), of.exemplars.iter().map(|e| e.t).collect::<Vec<_>>())).collect();
            assert_eq!(times, left, "{limit}");
        }
    }
}
