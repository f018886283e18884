//! Kernels that slide over a picture.

use super::proto::Node;
use super::state::Stop;

/// Sizes of a kernel, its step and the zeros around the picture.
pub(super) struct Windows {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    /// Height and width of what it gives.
    pub output: [usize; 2],
}

impl Windows {
    /// Of a node over a picture of this height and width.
    pub fn of(node: &Node, kernel: Option<[usize; 2]>, input: [usize; 2]) -> Result<Self, Stop> {
        let given = pair(node, "kernel_shape")?;
        let kernel = given.or(kernel).ok_or("it has no kernel_shape")?;
        let stride = pair(node, "strides")?.unwrap_or([1, 1]);
        let dilations = pair(node, "dilations")?.unwrap_or([1, 1]);
        if dilations != [1, 1] {
            return Err(format!("its dilations are {dilations:?}, here they are 1").into());
        }
        if kernel.contains(&0) || stride.contains(&0) {
            return Err(format!("its kernel is {kernel:?} and its step {stride:?}").into());
        }
        let pads = match node.text("auto_pad").unwrap_or("NOTSET") {
            "NOTSET" => written(node)?,
            "VALID" => [0; 4],
            _ => same(kernel, stride, input),
        };
        let [top, left, bottom, right] = pads;
        if top != bottom || left != right {
            return Err(format!(
                "it adds {pads:?} around the picture (above, left, below, right): here both sides are \
                 alike"
            )
            .into());
        }
        let padding = [top, left];
        let mut output = [0; 2];
        for side in 0..2 {
            let room = input[side].checked_add(2 * padding[side]);
            let room = room.and_then(|room| room.checked_sub(kernel[side]));
            let room =
                room.ok_or_else(|| format!("a kernel of {kernel:?} does not fit {input:?}"))?;
            output[side] = room / stride[side] + 1;
            let up = node.integer("ceil_mode", 0) == 1;
            if up && !room.is_multiple_of(stride[side]) {
                return Err("it rounds sizes up (ceil_mode), here they are rounded down".into());
            }
        }
        Ok(Self {
            kernel,
            stride,
            padding,
            output,
        })
    }
}

/// More than any side of a picture.
const MOST: i64 = 1 << 28;

fn length(value: i64) -> Result<usize, Stop> {
    let length = usize::try_from(value).ok().filter(|_| value <= MOST);
    length.ok_or_else(|| format!("{value} is no length").into())
}

fn pair(node: &Node, name: &str) -> Result<Option<[usize; 2]>, Stop> {
    match node.integers(name) {
        None => Ok(None),
        Some(&[a, b]) => Ok(Some([length(a)?, length(b)?])),
        Some(other) => Err(format!("its {name} are {other:?}, here they are two").into()),
    }
}

fn written(node: &Node) -> Result<[usize; 4], Stop> {
    match node.integers("pads") {
        None => Ok([0; 4]),
        Some(&[a, b, c, d]) => Ok([length(a)?, length(b)?, length(c)?, length(d)?]),
        Some(other) => Err(format!("its pads are {other:?}, here they are four").into()),
    }
}

/// Such that the output has the size of the input, divided by the step.
fn same(kernel: [usize; 2], stride: [usize; 2], input: [usize; 2]) -> [usize; 4] {
    let all = [0, 1].map(|side| {
        let reach = (input[side].div_ceil(stride[side]) - 1) * stride[side] + kernel[side];
        reach.saturating_sub(input[side])
    });
    let [above, left] = all.map(|all| all / 2);
    [above, left, all[0] - above, all[1] - left]
}
