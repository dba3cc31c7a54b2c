//! Where boxes lie and lines run: ranks one below the other, in one or several columns.
//!
//! Everything here flows downwards: `u` is across the flow, `v` along it. Other directions are turned
//! from that.

use super::order::ranked;
use crate::drawing::{Path, Segment};

/// Space between boxes of a rank.
const ACROSS: f64 = 26.0;
/// Space between ranks.
const ALONG: f64 = 26.0;
/// Space that a line takes beside others.
const LINE: f64 = 10.0;
/// Space between columns.
const COLUMN: f64 = 44.0;
/// Rounds of moving elements to their neighbours.
const ROUNDS: usize = 40;
/// Length of an arrow's head.
pub(super) const HEAD: f64 = 7.0;

/// What is to be laid out.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    /// Size of each box across and along the flow.
    pub(super) sizes: Vec<[f64; 2]>,
    /// How far from its middle each box takes its inputs and gives its outputs.
    pub(super) ports: Vec<[Vec<f64>; 2]>,
    /// Lines between boxes, each with its ports.
    pub(super) edges: Vec<Line>,
}

/// A line from a box to a later one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) from: usize,
    pub(super) output: usize,
    pub(super) to: usize,
    pub(super) input: usize,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    /// Upper left corner of each box.
    pub(super) corners: Vec<[f64; 2]>,
    /// Where each line runs; it ends `HEAD` before the box that its arrow points at.
    pub(super) paths: Vec<Path>,
    /// The tips of the arrows.
    pub(super) tips: Vec<[f64; 2]>,
    /// Extent of the whole.
    pub(super) size: [f64; 2],
}

/// Lays out `boxes` in `columns` columns.
pub(super) fn layout(boxes: &Boxes, columns: usize) -> Layout {
    let n = boxes.sizes.len();
    let edges: Vec<[usize; 2]> = boxes.edges.iter().map(|edge| [edge.from, edge.to]).collect();
    let ranked = ranked(n, &edges);
    let across = across(boxes, &ranked.ranks, &ranked.chains);

    // Ranks, one below the other, and where columns begin.
    let height = |rank: &[usize]| {
        rank.iter().filter(|&&e| e < n).map(|&e| boxes.sizes[e][1]).fold(0.0, f64::max)
    };
    let heights: Vec<f64> = ranked.ranks.iter().map(|rank| height(rank)).collect();
    let total: f64 = heights.iter().map(|height| height + ALONG).sum();
    let mut rank_of = vec![0; across.len()];
    for (r, rank) in ranked.ranks.iter().enumerate() {
        rank.iter().for_each(|&element| rank_of[element] = r);
    }
    // Links that lead into each rank: a column may begin where there is one.
    let mut n_links = vec![0; heights.len()];
    ranked.links.iter().for_each(|&[_, to]| n_links[rank_of[to]] += 1);
    let mut column_of = Vec::new();
    let mut tops = Vec::new();
    let (mut column, mut v, mut passed) = (0, 0.0, 0.0);
    for (rank, &height) in heights.iter().enumerate() {
        let is_due = (column + 1) as f64 * total / columns.max(1) as f64 <= passed + height / 2.0;
        if 0 < rank && is_due && column + 1 < columns && n_links[rank] == 1 {
            (column, v) = (column + 1, 0.0);
        }
        column_of.push(column);
        tops.push(v);
        v += height + ALONG;
        passed += height + ALONG;
    }

    // Columns, one beside the other.
    let half = |e: usize| boxes.sizes.get(e).map_or(LINE / 2.0, |size| size[0] / 2.0);
    let mut spans = vec![[f64::INFINITY, f64::NEG_INFINITY]; column + 1];
    for (element, &u) in across.iter().enumerate() {
        let span = &mut spans[column_of[rank_of[element]]];
        *span = [span[0].min(u - half(element)), span[1].max(u + half(element))];
    }
    let mut left = 0.0;
    let mut shift = Vec::new();
    for [from, to] in &spans {
        shift.push(left - from);
        left += to - from + COLUMN;
    }
    let width = (left - COLUMN).max(0.0);
    let at = |element: usize| {
        let rank = rank_of[element];
        [across[element] + shift[column_of[rank]], tops[rank] + heights[rank] / 2.0]
    };
    let corners = (0..n).map(|e| {
        let ([u, v], [w, h]) = (at(e), boxes.sizes[e]);
        [u - w / 2.0, v - h / 2.0]
    });
    let bottom = tops.iter().zip(&heights).map(|(top, height)| top + height).fold(0.0, f64::max);

    let mut layout = Layout {
        corners: corners.collect(),
        paths: Vec::new(),
        tips: Vec::new(),
        size: [width, bottom],
    };
    for (edge, chain) in boxes.edges.iter().zip(&ranked.chains) {
        let port = |node: usize, side: usize, index: usize| {
            boxes.ports[node][side].get(index).copied().unwrap_or(0.0)
        };
        let [u, v] = at(edge.from);
        let start = [u + port(edge.from, 1, edge.output), v + boxes.sizes[edge.from][1] / 2.0];
        let [u, v] = at(edge.to);
        let tip = [u + port(edge.to, 0, edge.input), v - boxes.sizes[edge.to][1] / 2.0];
        let mut path = Path { segments: vec![Segment::Move(start)] };
        let mut here = start;
        let mut before = chain[0];
        for &element in &chain[1..] {
            let is_end = element == edge.to;
            let rank = rank_of[element];
            let bend = at(element);
            let to = if is_end { [tip[0], tip[1] - HEAD] } else { [bend[0], tops[rank]] };
            if column_of[rank] == column_of[rank_of[before]] {
                curve(&mut path, here, to);
            } else {
                let gutter = shift[column_of[rank]] + spans[column_of[rank]][0] - COLUMN / 2.0;
                around(
                    &mut path,
                    here,
                    to,
                    gutter,
                    tops[rank_of[before]] + heights[rank_of[before]],
                );
            }
            here = to;
            if !is_end {
                here = [bend[0], tops[rank] + heights[rank]];
                path.segments.push(Segment::Line(here));
            }
            before = element;
        }
        layout.paths.push(path);
        layout.tips.push(tip);
    }
    layout
}

/// A curve that begins and ends along the flow.
fn curve(path: &mut Path, from: [f64; 2], to: [f64; 2]) {
    if (from[0] - to[0]).abs() < 0.5 {
        path.segments.push(Segment::Line(to));
        return;
    }
    let middle = (from[1] + to[1]) / 2.0;
    path.segments.push(Segment::Curve([from[0], middle], [to[0], middle], to));
}

/// Down, through the gutter to the top of the next column, and down again.
fn around(path: &mut Path, from: [f64; 2], to: [f64; 2], gutter: f64, bottom: f64) {
    let r = 8.0;
    let (low, high) = (bottom + ALONG * 0.45, to[1] - ALONG * 0.45);
    let mut line = |to| path.segments.push(Segment::Line(to));
    line([from[0], low - r]);
    let corners = [
        ([from[0], low], [from[0] + r, low], [gutter - r, low]),
        ([gutter, low], [gutter, low - r], [gutter, high + r]),
        ([gutter, high], [gutter + r, high], [to[0] - r, high]),
        ([to[0], high], [to[0], high + r], to),
    ];
    for (corner, behind, next) in corners {
        path.segments.push(Segment::Curve(corner, corner, behind));
        path.segments.push(Segment::Line(next));
    }
}

/// Where the middle of each element lies across the flow: near its neighbours, long lines straight.
fn across(boxes: &Boxes, ranks: &[Vec<usize>], chains: &[Vec<usize>]) -> Vec<f64> {
    let n_elements = ranks.iter().map(Vec::len).sum();
    let n = boxes.sizes.len();
    let width = |e: usize| boxes.sizes.get(e).map_or(LINE, |size| size[0]);
    // Neighbours above and below: who, how far off, how strongly it pulls.
    let mut near: Vec<[Vec<(usize, f64, f64)>; 2]> = vec![Default::default(); n_elements];
    for (edge, chain) in boxes.edges.iter().zip(chains) {
        for (i, pair) in chain.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let out = if i == 0 {
                boxes.ports[from][1].get(edge.output).copied().unwrap_or(0.0)
            } else {
                0.0
            };
            let into = if i + 2 == chain.len() {
                boxes.ports[to][0].get(edge.input).copied().unwrap_or(0.0)
            } else {
                0.0
            };
            // Between nodes next to each other lies the main road, which should be straight.
            let pull = match (from < n, to < n) {
                (true, true) => 4.0,
                (false, false) => 8.0,
                _ => 1.0,
            };
            near[from][1].push((to, into - out, pull));
            near[to][0].push((from, out - into, pull));
        }
    }
    let mut at = vec![0.0; n_elements];
    for rank in ranks {
        let total: f64 = rank.iter().map(|&e| width(e) + ACROSS).sum();
        let mut u = -total / 2.0;
        for &element in rank {
            at[element] = u + (width(element) + ACROSS) / 2.0;
            u += width(element) + ACROSS;
        }
    }
    let n_ranks = ranks.len();
    for round in 0..ROUNDS {
        // Downwards, upwards, and in the end to both sides.
        let sides: &[usize] = match round {
            _ if ROUNDS - 8 <= round => &[0, 1],
            _ if round % 2 == 0 => &[0],
            _ => &[1],
        };
        for i in 0..n_ranks {
            let rank = &ranks[if round % 2 == 0 { i } else { n_ranks - 1 - i }];
            let wishes: Vec<(f64, f64)> = rank
                .iter()
                .map(|&element| {
                    let near = sides.iter().flat_map(|&side| &near[element][side]);
                    let (sum, weight) =
                        near.fold((0.0, 0.0), |(sum, weight), (other, off, pull)| {
                            (sum + pull * (at[*other] + off), weight + pull)
                        });
                    if weight == 0.0 { (at[element], 0.01) } else { (sum / weight, weight) }
                })
                .collect();
            let widths: Vec<f64> = rank.iter().map(|&e| width(e)).collect();
            for (&element, u) in rank.iter().zip(apart(&wishes, &widths)) {
                at[element] = u;
            }
        }
    }
    at
}

/// The places nearest to those wished for (by weighted squares) in the same order and without overlap:
/// a monotone regression, neighbours that are too near pooled.
fn apart(wishes: &[(f64, f64)], widths: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::new();
    for (i, width) in widths.iter().enumerate() {
        if 0 < i {
            offset += (widths[i - 1] + width) / 2.0 + ACROSS;
        }
        offsets.push(offset);
    }
    // Pools: weighted sum of places, weight, number of elements.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (&(wish, weight), offset) in wishes.iter().zip(&offsets) {
        let mut pool = ((wish - offset) * weight, weight, 1);
        while let Some(&(sum, weight, n)) = pools.last() {
            if sum / weight <= pool.0 / pool.1 {
                break;
            }
            pool = (pool.0 + sum, pool.1 + weight, pool.2 + n);
            pools.pop();
        }
        pools.push(pool);
    }
    let places = pools.iter().flat_map(|&(sum, weight, n)| std::iter::repeat_n(sum / weight, n));
    places.zip(&offsets).map(|(place, offset)| place + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(n: usize, edges: &[[usize; 2]]) -> Boxes {
        let line = |&[from, to]: &[usize; 2]| Line { from, output: 0, to, input: 0 };
        Boxes {
            sizes: vec![[100.0, 40.0]; n],
            ports: vec![[vec![], vec![]]; n],
            edges: edges.iter().map(line).collect(),
        }
    }

    fn overlap(a: [f64; 2], b: [f64; 2]) -> bool {
        (a[0] - b[0]).abs() < 100.0 && (a[1] - b[1]).abs() < 40.0
    }

    #[test]
    fn the_way_around_passes_beside_the_main_road_which_is_straight() {
        let layout = layout(&boxes(4, &[[0, 1], [1, 2], [2, 3], [0, 3]]), 1);
        let c = &layout.corners;
        assert!((c[1][0] - c[2][0]).abs() < 1.0, "{c:?}");
        assert!(c.windows(2).all(|pair| pair[0][1] + 40.0 < pair[1][1]), "{c:?}");
        // The bends of the way around lie outside of the boxes.
        for segment in &layout.paths[3].segments {
            if let Segment::Line([u, v]) = segment
                && c[1][1] <= *v
                && *v <= c[2][1] + 40.0
            {
                assert!(*u < c[1][0] || c[1][0] + 100.0 < *u, "{u}");
            }
        }
    }

    #[test]
    fn boxes_never_overlap() {
        // Four branches, some longer, that come together.
        let edges = [
            [0, 1],
            [0, 2],
            [0, 3],
            [0, 4],
            [2, 5],
            [3, 6],
            [6, 7],
            [1, 8],
            [5, 8],
            [7, 8],
            [4, 8],
        ];
        let layout = layout(&boxes(9, &edges), 1);
        for a in 0..9 {
            for b in 0..a {
                let (a, b) = (layout.corners[a], layout.corners[b]);
                assert!(!overlap(a, b), "{a:?} {b:?}");
                assert!(0.0 <= a[0] && a[0] + 100.0 <= layout.size[0] + 1e-6);
            }
        }
    }

    #[test]
    fn a_chain_is_broken_into_columns() {
        let edges: Vec<[usize; 2]> = (0..9).map(|i| [i, i + 1]).collect();
        let one = layout(&boxes(10, &edges), 1);
        let three = layout(&boxes(10, &edges), 3);
        assert_eq!(one.size[0], 100.0);
        assert_eq!(three.size[0], 300.0 + 2.0 * COLUMN);
        assert!(three.size[1] < one.size[1] / 2.0);
        let lefts: std::collections::BTreeSet<i64> =
            three.corners.iter().map(|corner| corner[0] as i64).collect();
        assert_eq!(lefts.len(), 3);
    }

    #[test]
    fn elements_go_where_they_wish_if_there_is_room() {
        assert_eq!(apart(&[(0.0, 1.0), (200.0, 1.0)], &[10.0, 10.0]), [0.0, 200.0]);
        let near = apart(&[(0.0, 1.0), (0.0, 1.0)], &[10.0, 10.0]);
        assert_eq!(near, [-(10.0 + ACROSS) / 2.0, (10.0 + ACROSS) / 2.0]);
    }
}
