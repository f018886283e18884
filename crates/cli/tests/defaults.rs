//! Every network trains on every kind of records with no option but `--data` and `--model`.

use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

/// A folder of pictures of 8×8 pixels with this many channels, in two classes.
fn pictures(root: &Path, color: png::ColorType) {
    for at in 0..12_u8 {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 8, 8);
        encoder.set_color(color);
        let mut writer = encoder.write_header().unwrap();
        let pixels: Vec<u8> = (0..64 * color.samples())
            .map(|place| (place as u8).wrapping_mul(at + 1))
            .collect();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        let class = root.join(["a", "b"][usize::from(at % 2)]);
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(format!("{at}.png")), bytes).unwrap();
    }
}

/// A dozen pictures of 28×28 pixels as IDX files.
fn mnist(root: &Path) {
    fs::create_dir_all(root).unwrap();
    for part in ["train", "t10k"] {
        let mut images = vec![0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 28, 0, 0, 0, 28];
        images.extend((0..12 * 784_usize).map(|at| (at % 251) as u8));
        let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 12];
        labels.extend((0..12).map(|at| at % 10));
        fs::write(root.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        fs::write(root.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
#[ignore = "slow tier: trains every network"]
fn every_network_trains_by_its_defaults() {
    let here = tempdir().unwrap();
    let here = here.path();
    pictures(&here.join("grey"), png::ColorType::Grayscale);
    pictures(&here.join("colour"), png::ColorType::Rgb);
    mnist(&here.join("mnist"));
    let rows: String = (0..40)
        .map(|at| format!("{},{},{}\n", at, at % 5, at % 2))
        .collect();
    fs::write(here.join("t.csv"), "a,b,y\n".to_owned() + &rows).unwrap();
    let sources = [
        ("images:grey", true),
        ("images:colour", true),
        ("mnist:mnist", true),
        ("digits", true),
        ("csv:t.csv?label=y", false),
    ];
    let mut made = 0;
    for (data, of_pictures) in sources {
        for model in [
            "logistic",
            "mlp",
            "allcnn",
            "resnet18",
            "torchvision-resnet18",
        ] {
            if !of_pictures && !["logistic", "mlp"].contains(&model) {
                continue;
            }
            // An epoch of the big ones takes a while; that of a dozen records does not.
            let big = !["logistic", "mlp"].contains(&model);
            if big && data == "digits" || model.contains("resnet") && data != "images:colour" {
                continue;
            }
            for norm in ["none", "group", "batch"] {
                let out = format!("run-{made}");
                made += 1;
                let options = format!("--data {data} --model {model} --norm {norm}");
                let train = format!("train {options} --out {out} --pause-after 0.001");
                let mut command = Command::new(env!("CARGO_BIN_EXE_rescind"));
                command.args(train.split(' ')).current_dir(here);
                let output = command.output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(output.status.success(), "{options}: {said}");
                fs::remove_dir_all(here.join(out)).unwrap();
            }
        }
    }
    assert!(made > 30, "{made}");
}
