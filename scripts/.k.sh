. /work/i15f/scripts/lib.sh
apt_only bookworm bookworm-backports trixie trixie-backports forky sid experimental
mkdir -p $build/kdebs; cd $build/kdebs
apt_private apt-get -o APT::Architecture=arm64 -o Dir::Cache::pkgcache=pkgcache-arm64.bin download \
 linux-base-7.2.12+deb14-arm64=7.2.12-1 linux-base-7.2.13+deb14-arm64=7.2.13-1 'linux-base-7.3-arm64=7.3~rc7-1~exp1' \
 'linux-base-7.3.4+deb13-arm64-16k=7.3.4-1~bpo13+1' 'linux-base-7.3.4+deb13-cloud-arm64=7.3.4-1~bpo13+1' \
 linux-image-6.1.0-50-arm64=6.1.176-1 'linux-image-6.12.95+deb12-arm64=6.12.95-1~bpo12+1' 'linux-image-6.12.117+deb13-arm64=6.12.117-1'
for d in *.deb; do dpkg-deb --fsys-tarfile $d | tar -xO --wildcards './boot/config-*' > ../kernel-configs/${d%.deb}.config; done
