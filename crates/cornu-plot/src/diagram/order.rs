//! Ranks of nodes, and their order within a rank.

/// Sweeps over the ranks; after these crossings hardly become fewer.
const SWEEPS: usize = 12;

/// Nodes and the bends of edges that pass ranks, rank by rank.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    /// The elements of each rank, in their order.
    pub(super) ranks: Vec<Vec<usize>>,
    /// Pairs of elements in neighbouring ranks that are connected.
    pub(super) links: Vec<[usize; 2]>,
    /// For each edge the elements it goes through, ends included. Elements below the number of nodes
    /// are nodes, others bends.
    pub(super) chains: Vec<Vec<usize>>,
}

/// Ranks `n` nodes; each edge leads from an earlier node to a later one.
pub(super) fn ranked(n: usize, edges: &[[usize; 2]]) -> Ranked {
    let mut rank = vec![0; n];
    let mut by_end = edges.to_vec();
    by_end.sort_by_key(|&[from, to]| (to, from));
    for [from, to] in by_end {
        rank[to] = rank[to].max(rank[from] + 1);
    }
    // What nothing leads to goes as near as it can to what needs it.
    for node in (0..n).rev() {
        let is_source = edges.iter().all(|&[_, to]| to != node);
        let next = edges.iter().filter(|&&[from, _]| from == node).map(|&[_, to]| rank[to]).min();
        if let (true, Some(next)) = (is_source, next) {
            rank[node] = next - 1;
        }
    }
    let n_ranks = rank.iter().max().map_or(0, |&last| last + 1);
    let mut ranked = Ranked { ranks: vec![Vec::new(); n_ranks], ..Ranked::default() };
    for (node, &rank) in rank.iter().enumerate() {
        ranked.ranks[rank].push(node);
    }
    let mut n_elements = n;
    for &[from, to] in edges {
        let mut chain = vec![from];
        for between in rank[from] + 1..rank[to] {
            ranked.ranks[between].push(n_elements);
            chain.push(n_elements);
            n_elements += 1;
        }
        chain.push(to);
        ranked.links.extend(chain.windows(2).map(|pair| [pair[0], pair[1]]));
        ranked.chains.push(chain);
    }
    ranked.sort(n_elements);
    ranked
}

impl Ranked {
    /// Orders the ranks so that few links cross: each element goes to the mean place of its neighbours
    /// in the rank before, then behind, in turns.
    fn sort(&mut self, n_elements: usize) {
        let (mut above, mut below) = (vec![Vec::new(); n_elements], vec![Vec::new(); n_elements]);
        for &[from, to] in &self.links {
            below[from].push(to);
            above[to].push(from);
        }
        let mut place = vec![0.0; n_elements];
        let number = |place: &mut Vec<f64>, rank: &[usize]| {
            rank.iter().enumerate().for_each(|(i, &element)| place[element] = i as f64);
        };
        self.ranks.iter().for_each(|rank| number(&mut place, rank));
        let mut best = (self.crossings(&above, &place), self.ranks.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let downwards = sweep % 2 == 0;
            let neighbours = if downwards { &above } else { &below };
            let n = self.ranks.len();
            for i in 0..n {
                let rank = &mut self.ranks[if downwards { i } else { n - 1 - i }];
                let mean = |element: usize| {
                    let near = &neighbours[element];
                    let sum: f64 = near.iter().map(|&other| place[other]).sum();
                    if near.is_empty() { place[element] } else { sum / near.len() as f64 }
                };
                let mut keyed: Vec<(f64, usize)> =
                    rank.iter().map(|&element| (mean(element), element)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                *rank = keyed.into_iter().map(|(_, element)| element).collect();
                number(&mut place, rank);
            }
            let crossings = self.crossings(&above, &place);
            if crossings < best.0 {
                best = (crossings, self.ranks.clone());
            }
        }
        self.ranks = best.1;
    }

    fn crossings(&self, above: &[Vec<usize>], place: &[f64]) -> usize {
        let mut n = 0;
        for rank in &self.ranks {
            // Places of the upper ends, in the order of the lower ends: each pair out of order crosses.
            let mut ends: Vec<f64> = Vec::new();
            for &element in rank {
                let mut own: Vec<f64> = above[element].iter().map(|&other| place[other]).collect();
                own.sort_by(f64::total_cmp);
                n += own
                    .iter()
                    .map(|end| ends.iter().filter(|other| end < other).count())
                    .sum::<usize>();
                ends.extend(own);
            }
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_over_several_ranks_have_bends() {
        let ranked = ranked(4, &[[0, 1], [1, 2], [2, 3], [0, 3]]);
        assert_eq!(ranked.chains[3], [0, 4, 5, 3]);
        assert_eq!(ranked.ranks.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 2, 1]);
    }

    #[test]
    fn crossings_are_undone() {
        // Two chains whose second nodes stand in the wrong order.
        let ranked = ranked(6, &[[0, 3], [1, 2], [2, 4], [3, 5]]);
        let place = |element| {
            ranked.ranks.iter().find_map(|rank| rank.iter().position(|&e| e == element)).unwrap()
        };
        assert_eq!(place(0) < place(1), place(3) < place(2));
        assert_eq!(place(3) < place(2), place(5) < place(4));
    }

    #[test]
    fn inputs_stand_next_to_what_takes_them() {
        let ranked = ranked(4, &[[0, 2], [2, 3], [1, 3]]);
        assert_eq!(ranked.ranks[1].iter().filter(|&&e| e == 1).count(), 1);
    }
}
