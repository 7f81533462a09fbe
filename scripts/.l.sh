. /work/i15f/scripts/lib.sh
packages=(libvirt-daemon-driver-qemu libvirt-clients libxml2-utils dash libglib2.0-0t64 libpixman-1-0 libfdt1 zlib1g libseccomp2)
(apt_only trixie; fetch_closure $build/libvirt/trixie amd64 trixie "${packages[@]}")
echo trixie done
(apt_only trixie; fetch_closure $build/box/libvirt-trixie-closure arm64 trixie libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients libglib2.0-0t64 libpixman-1-0 libfdt1 zlib1g libseccomp2)
echo arm done
(apt_only forky; fetch_closure $build/libvirt/root amd64 forky "${packages[@]}" virtinst qemu-efi-aarch64)
echo forky done
