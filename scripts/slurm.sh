#!/usr/bin/env bash
# One search on all machines of a SLURM job; an interrupted one goes on:
#   sbatch --nodes=4 --ntasks-per-node=1 --gpus-per-task=1 scripts/slurm.sh swingup --preset paper --out runs/big
# The run directory must lie on a disk that all machines see. Each task is a process; JAX finds the others by itself.
#SBATCH --job-name=wann
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
set -euo pipefail

out=
for ((at = 1; at < $#; at++)); do
  if [[ ${!at} == --out ]]; then
    next=$((at + 1))
    out=${!next}
  fi
done
if [[ -z $out ]]; then
  echo "slurm.sh needs --out DIR, a run directory that all machines see" >&2
  exit 2
fi

if [[ -e $out/config.json ]]; then
  srun wann resume "$out"
else
  srun wann search "$@"
fi
