# Keys of sources: `sources.<source>.key` of lake.yaml says where one is. Which places there may be,
# variables.tf says. The key itself is not made here, nor read: what Terraform knows stands in its state.

locals {
  # by source: `secretsmanager` or `ssm`, and a name or an ARN
  key_places = {
    for source, section in try(local.file.sources, {}) :
    source => regex("^(?P<kind>ssm|secretsmanager):(?P<name>.+)$", section.key)
    if can(regex("^(ssm|secretsmanager):", section.key))
  }

  # A name is one of this account and region; an ARN stays as it is.
  key_arns = {
    for source, place in local.key_places : source => (
      startswith(place.name, "arn:") ? place.name :
      place.kind == "ssm"
      ? "${local.arn}:ssm:${local.region}:${local.account}:parameter/${trimprefix(place.name, "/")}"
      : "${local.arn}:secretsmanager:${local.region}:${local.account}:secret:${place.name}"
    )
  }

  # By stage. bronze alone asks such a source; the variable is the one that it reads
  # (`key` in jobs/lib/model/src/env.rs).
  secrets = {
    bronze = { for source, arn in local.key_arns : "MARKET_LAKE_KEY_${replace(upper(source), "/[^A-Z0-9]/", "_")}" => arn }
  }
}
