# Sizes of tasks that Fargate knows: CPU units, and the memory in MiB that each comes with. The parser of
# lake.yaml (jobs/lib/model/src/config/task.rs) refuses by the same table; a test compares the two.

locals {
  sizes = {
    256   = [512, 1024, 2048]
    512   = range(1024, 4096 + 1, 1024)
    1024  = range(2048, 8192 + 1, 1024)
    2048  = range(4096, 16384 + 1, 1024)
    4096  = range(8192, 30720 + 1, 1024)
    8192  = range(16384, 61440 + 1, 4096)
    16384 = range(32768, 122880 + 1, 8192)
  }
}
