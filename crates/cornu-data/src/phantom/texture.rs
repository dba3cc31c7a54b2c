use super::body::Body;
use crate::SplitMix64;

/// What has no simple shape: haze, vessels and noise, as maps of the picture's size.
#[derive(Debug)]
pub(super) struct Texture {
    size: usize,
    haze: Vec<f32>,
    vessels: Vec<f32>,
    grain: Vec<f32>,
}

impl Texture {
    pub(super) fn random(random: &mut SplitMix64, body: &Body, size: usize) -> Self {
        let mut haze = vec![0.0; size * size];
        for (cells, weight) in [(5, 0.6), (13, 0.35), (40, 0.25)] {
            add_clouds(&mut haze, size, cells, weight, random);
        }
        let mut vessels = vec![0.0; size * size];
        add_vessels(&mut vessels, size, body, random);
        add_wires(&mut vessels, size, body.wires, random);
        Self { size, haze, vessels, grain: grain(size, random) }
    }

    /// A row of haze: about -1 to 1, smooth.
    #[inline]
    pub(super) fn haze(&self, row: usize) -> &[f32] {
        &self.haze[row * self.size..(row + 1) * self.size]
    }

    /// A row of vessels and wires: 0 where there is none.
    #[inline]
    pub(super) fn vessels(&self, row: usize) -> &[f32] {
        &self.vessels[row * self.size..(row + 1) * self.size]
    }

    /// A row of noise: mean 0, deviation 1, slightly smeared.
    #[inline]
    pub(super) fn grain(&self, row: usize) -> &[f32] {
        &self.grain[row * self.size..(row + 1) * self.size]
    }
}

/// Random values at the corners of `cells` x `cells` squares, linear between them.
fn add_clouds(map: &mut [f32], size: usize, cells: usize, weight: f32, random: &mut SplitMix64) {
    let corners: Vec<f32> =
        (0..(cells + 1) * (cells + 1)).map(|_| weight * random.bell()).collect();
    let place = |i: usize| {
        let at = i as f32 * cells as f32 / size as f32;
        (at as usize, at - at as usize as f32)
    };
    let columns: Vec<(usize, f32)> = (0..size).map(place).collect();
    let mut across = vec![0.0; cells + 1];
    for row in 0..size {
        let (i, down) = place(row);
        for (j, value) in across.iter_mut().enumerate() {
            let (above, below) = (corners[i * (cells + 1) + j], corners[(i + 1) * (cells + 1) + j]);
            *value = above + (below - above) * down;
        }
        for (out, &(j, right)) in map[row * size..].iter_mut().zip(&columns) {
            *out += across[j] + (across[j + 1] - across[j]) * right;
        }
    }
}

/// Vessels fan out from the root of each lung, thinner and thinner.
fn add_vessels(map: &mut [f32], size: usize, body: &Body, random: &mut SplitMix64) {
    for sign in [-1.0, 1.0] {
        for _ in 0..22 {
            let root = [sign * random.uniform(0.13, 0.22), random.uniform(-0.14, 0.08)];
            let end = [sign * random.uniform(0.2, 0.95 * body.chest), random.uniform(-0.6, 0.6)];
            let bow = random.uniform(-0.12, 0.12);
            let strength = random.uniform(0.15, 0.5);
            let steps = size / 3;
            for i in 0..steps {
                let t = i as f32 / steps as f32;
                let bend = bow * t * (1.0 - t);
                let x = root[0] + t * (end[0] - root[0]) + bend;
                let y = root[1] + t * (end[1] - root[1]) + bend;
                let (column, row) = body.pose.to_pixel(x, y, size);
                let radius = (2.3 - 1.5 * t) * size as f32 / 256.0;
                stamp(map, size, [column, row], radius, strength * (1.0 - t));
            }
        }
    }
}

/// Wires over the body, thin and bright; as often with as without fluid.
fn add_wires(map: &mut [f32], size: usize, n: usize, random: &mut SplitMix64) {
    for _ in 0..n {
        let mut end = || [random.uniform(0.0, 1.0), random.uniform(0.0, 0.9)];
        let (a, b, c) = (end(), end(), end());
        let steps = 2 * size;
        for i in 0..steps {
            let t = i as f32 / steps as f32;
            let at = |axis: usize| {
                let (p, q) = (a[axis] + t * (b[axis] - a[axis]), b[axis] + t * (c[axis] - b[axis]));
                (p + t * (q - p)) * size as f32
            };
            stamp(map, size, [at(0), at(1)], 0.9 * size as f32 / 256.0, 0.35);
        }
    }
}

/// Raises the map to `strength` in a soft disc.
fn stamp(map: &mut [f32], size: usize, [column, row]: [f32; 2], radius: f32, strength: f32) {
    let reach = radius + 0.5;
    let range = |center: f32| {
        let from = (center - reach).max(0.0) as usize;
        let to = ((center + reach + 1.0).max(0.0) as usize).min(size);
        from..to
    };
    for y in range(row) {
        for x in range(column) {
            let (dx, dy) = (x as f32 - column, y as f32 - row);
            let value = strength * (1.0 - (dx * dx + dy * dy) / (reach * reach));
            let out = &mut map[y * size + x];
            *out = out.max(value);
        }
    }
}

/// Noise of a detector: neighbours in a row share half.
fn grain(size: usize, random: &mut SplitMix64) -> Vec<f32> {
    let mut last = 0.0;
    let next = |_| {
        last = 0.5 * last + 0.866 * random.bell();
        last
    };
    (0..size * size).map(next).collect()
}
