"""The jobs this site takes part in: what central offers, what the owner decides, and the one gate and worker each of them gets."""
