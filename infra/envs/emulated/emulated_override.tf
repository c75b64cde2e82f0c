# Only for the emulator: its buckets have no names of their own, there is no instance to ask for
# credentials, and a call that it lacks would be retried for minutes.
provider "aws" {
  s3_use_path_style       = true
  skip_metadata_api_check = true
  max_retries             = 2
}
