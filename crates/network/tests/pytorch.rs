//! Files of `torch.save`, made by fixtures/make_pytorch.py, and others that are not weights.

use proptest::prelude::*;
use rescind_network::zoo::Norm;
use rescind_network::{Activation, Network, NetworkError, Weights, zoo};

const STATE: &[u8] = include_bytes!("fixtures/state.pt");

fn network() -> Network {
    Network::new(zoo::mlp(&[3], &[4], 2, Activation::Relu, Norm::Batch).unwrap()).unwrap()
}

fn read(bytes: &[u8]) -> Result<Weights<f32>, NetworkError> {
    Weights::from_safetensors(&network(), bytes)
}

#[test]
fn a_state_dict_is_read_however_its_tensors_lie() {
    let weights = read(STATE).unwrap();
    // layers.0.weight begins at 1 and grows by eighths; layers.0.bias begins at 2.
    let expected: Vec<f32> = (0..12_u8).map(|at| 1.0 + f32::from(at) / 8.0).collect();
    assert_eq!(weights.parameters[..12], expected);
    assert_eq!(
        weights.parameters[12..14].to_vec(),
        [2.0_f32, 2.125].to_vec()
    );
    assert_eq!(weights.statistics.len(), 8);
    for file in [
        &include_bytes!("fixtures/checkpoint.pt")[..],
        include_bytes!("fixtures/views.pt"),
    ] {
        assert_eq!(read(file).unwrap(), weights);
    }
}

fn foreign(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    assert!(
        matches!(error, NetworkError::ForeignWeights { .. }),
        "{error}"
    );
    error.to_string()
}

#[test]
fn what_is_not_read_is_named_with_the_way_to_what_is() {
    for file in [&include_bytes!("fixtures/legacy.pt")[..], b"\x80\x04K\x01."] {
        assert!(
            foreign(file).contains("weights_only=True"),
            "{}",
            foreign(file)
        );
    }
    let module = foreign(include_bytes!("fixtures/module.pt"));
    assert!(module.contains("module.state_dict()"), "{module}");
    assert!(foreign(b"\x08\x07\x12\x07pytorch").contains("ONNX"));
    assert!(foreign(b"\x89HDF\r\n\x1a\n....").contains("HDF5"));
}

/// A safetensors file begins with the length of its header, whatever bytes that has.
#[test]
fn a_safetensors_file_is_taken_for_nothing_else() {
    for length in [0x0280_u64, 0x0708, 0x0203_4b50] {
        let file = [&length.to_le_bytes()[..], b"{"].concat();
        let error = read(&file).unwrap_err();
        assert!(
            matches!(error, NetworkError::DamagedWeights { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_cut_file_is_damaged() {
    for length in 0..STATE.len() {
        let error = read(&STATE[..length]).unwrap_err();
        assert!(
            matches!(error, NetworkError::DamagedWeights { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn torchvision_s_resnet18_has_its_tensors() {
    let description =
        zoo::torchvision_resnet18(&[3, 64, 64], 1000, Activation::Relu, Norm::Batch).unwrap();
    let network = Network::new(description).unwrap();
    // As `sum(p.numel() for p in torchvision.models.resnet18().parameters())`.
    assert_eq!(network.parameter_count(), 11_689_512);
    assert_eq!(network.parameters().len(), 62);
    let shape = |name: &str| {
        let mut all = network.parameters().iter();
        all.find(|tensor| tensor.name == name)
            .map(|tensor| tensor.shape.clone())
    };
    assert_eq!(shape("conv1.weight"), Some(vec![64, 3, 7, 7]));
    assert_eq!(
        shape("layer2.0.downsample.0.weight"),
        Some(vec![128, 64, 1, 1])
    );
    assert_eq!(shape("layer4.1.bn2.bias"), Some(vec![512]));
    assert_eq!(shape("fc.weight"), Some(vec![1000, 512]));
}

proptest! {
    #[test]
    fn mutated_files_are_read_or_refused(
        changes in prop::collection::vec((0..STATE.len(), any::<u8>()), 1..4),
    ) {
        let mut bytes = STATE.to_vec();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        if let Ok(weights) = read(&bytes) {
            prop_assert!(weights.parameters.iter().all(|weight| weight.is_finite()));
        }
    }
}
