//! Cross-entropy over the positions of a sequence.
//!
//! A record's k outputs are T positions of V logits each. With a = 1/(positions that count),
//! `A(z) = a Σ_t ln Σ_j e^{z_tj}` over those that do, and `m = ∇A` is a times their probabilities.
//! So a position's m sum to a (or to 0), and the curvature `diag m − m mᵀ/a` follows from m alone.

/// Stands for a token in a position that does not count.
pub const NO_TOKEN: u32 = u32::MAX;

/// a.
pub(super) fn share(tokens: &[u32]) -> f64 {
    let counting = tokens.iter().filter(|&&token| token != NO_TOKEN).count();
    1.0 / counting.max(1) as f64
}

/// The positions that count: place of the first logit and of the token's own.
fn counting(tokens: &[u32], vocabulary: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = (0..).step_by(vocabulary.max(1)).zip(tokens);
    let counting = starts.filter(|(_, token)| **token != NO_TOKEN);
    counting.map(|(start, &token)| (start, start + token as usize))
}

/// Writes m and returns A.
pub(super) fn mean(tokens: &[u32], z: &[f64], m: &mut [f64]) -> f64 {
    let (a, vocabulary) = (share(tokens), z.len() / tokens.len().max(1));
    m.fill(0.0);
    let mut sum = 0.0;
    for (start, _) in counting(tokens, vocabulary) {
        let position = start..start + vocabulary;
        sum += rescind_network::softmax(&z[position.clone()], &mut m[position.clone()]);
        m[position].iter_mut().for_each(|m| *m *= a);
    }
    a * sum
}

/// Subtracts the target from m and returns its product with z.
pub(super) fn subtract(tokens: &[u32], z: &[f64], m: &mut [f64]) -> f64 {
    let (a, vocabulary) = (share(tokens), z.len() / tokens.len().max(1));
    let mut product = 0.0;
    for (_, own) in counting(tokens, vocabulary) {
        m[own] -= a;
        product += a * z[own];
    }
    product
}

/// Adds the target to r.
pub(super) fn add(tokens: &[u32], r: &mut [f64]) {
    let (a, vocabulary) = (share(tokens), r.len() / tokens.len().max(1));
    counting(tokens, vocabulary).for_each(|(_, own)| r[own] += a);
}

/// Writes `∇²A d`.
pub(super) fn curve(vocabulary: usize, m: &[f64], d: &[f64], out: &mut [f64]) {
    let positions = m.chunks(vocabulary).zip(d.chunks(vocabulary));
    for ((m, d), out) in positions.zip(out.chunks_mut(vocabulary)) {
        let (sum, a) = along(m, d.iter().copied());
        let mean = if a > 0.0 { sum / a } else { 0.0 };
        let rows = out.iter_mut().zip(m).zip(d);
        rows.for_each(|((out, m), d)| *out = m * (d - mean));
    }
}

/// `∇²A_ij`.
pub(super) fn coupled(vocabulary: usize, m: &[f64], i: usize, j: usize) -> f64 {
    let start = i - i % vocabulary;
    let position = start..start + vocabulary;
    if !position.contains(&j) {
        return 0.0;
    }
    let a: f64 = m[position].iter().sum();
    let own = f64::from(u8::from(i == j));
    if a > 0.0 {
        m[i] * (own - m[j] / a)
    } else {
        0.0
    }
}

/// `dᵀ ∇²A d`.
pub(super) fn bend(vocabulary: usize, m: &[f64], d: &[f32]) -> f64 {
    let positions = m.chunks(vocabulary).zip(d.chunks(vocabulary));
    let each = positions.map(|(m, d)| {
        let d = d.iter().map(|&d| f64::from(d));
        let (sum, a) = along(m, d.clone());
        let squares: f64 = m.iter().zip(d).map(|(m, d)| m * d * d).sum();
        if a > 0.0 {
            squares - sum * sum / a
        } else {
            0.0
        }
    });
    each.sum()
}

/// `Σ m_j d_j` and `a = Σ m_j` of one position.
fn along(m: &[f64], d: impl Iterator<Item = f64>) -> (f64, f64) {
    let pairs = m.iter().zip(d);
    pairs.fold((0.0, 0.0), |(sum, a), (m, d)| (sum + m * d, a + m))
}

/// The trace of `∇²A`.
pub(super) fn trace(vocabulary: usize, m: &[f64]) -> f64 {
    let each = m.chunks(vocabulary).map(|m| {
        let a: f64 = m.iter().sum();
        let squares: f64 = m.iter().map(|m| m * m).sum();
        if a > 0.0 { a - squares / a } else { 0.0 }
    });
    each.sum()
}

/// Writes `f_j` of `∇²A = Σ_j m_j f_j f_jᵀ`: `e_j − m/a` in j's position, 0 elsewhere. Returns `m_j`.
pub(super) fn factor(vocabulary: usize, m: &[f32], j: usize, f: &mut [f64]) -> f64 {
    f.fill(0.0);
    let start = j - j % vocabulary;
    let own = &m[start..start + vocabulary];
    let a: f64 = own.iter().map(|&m| f64::from(m)).sum();
    if a <= 0.0 {
        return 0.0;
    }
    let part = f[start..].iter_mut().zip(own);
    part.for_each(|(f, &m)| *f = -f64::from(m) / a);
    f[j] += 1.0;
    f64::from(m[j])
}

/// Writes `m_j ‖f_j‖²` of every j, without writing any f.
pub(super) fn sizes(vocabulary: usize, m: &[f32], out: &mut Vec<f64>) {
    for m in m.chunks(vocabulary) {
        let wide = m.iter().map(|&m| f64::from(m));
        let a: f64 = wide.clone().sum();
        let squares: f64 = wide.clone().map(|m| m * m).sum();
        let size = |m: f64| m * (1.0 - 2.0 * m / a + squares / (a * a)).max(0.0);
        out.extend(wide.map(|m| if a > 0.0 { size(m) } else { 0.0 }));
    }
}
