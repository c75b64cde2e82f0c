# `cargo xtask deploy` gives a root its images and the boundary, and asks for its outputs.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws-cn" }
  }
}

override_module {
  target  = module.environment
  outputs = { repositories = { plan = "mock" } }
}

variables {
  config_file          = "../../envs/dev/lake.yaml"
  permissions_boundary = "arn:aws:iam::111122223333:policy/market-lake-boundary-dev"
  images               = { plan = "x@sha256:0000000000000000000000000000000000000000000000000000000000000000" }
}

run "it_is_deployed_as_any_environment" {
  command = plan

  assert {
    condition     = output.images["plan"] == var.images["plan"] && output.repositories["plan"] == "mock"
    error_message = "`deploy` would not find where images are pushed to, or forget them"
  }

  assert {
    condition     = var.permissions_boundary != null && var.alarm_email == null && var.owner == null
    error_message = "the root lacks a variable that `deploy` sets"
  }

  assert {
    condition = toset(flatten([
      for principal in data.aws_iam_policy_document.key.statement[0].principals : [for arn in principal.identifiers : split(":", arn)[1]]
    ])) == toset(["aws-cn"])
    error_message = "the key's account is named in another partition than it is in"
  }
}
