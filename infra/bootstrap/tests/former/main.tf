# What a bootstrap of the former version left in its state, as far as its addresses changed since.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

resource "aws_iam_openid_connect_provider" "github" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "github" {
  # checkov:skip=CKV2_AWS_56: a state to begin a test with, never applied
  for_each = toset(["plan", "deploy-dev", "deploy-prod"])

  name               = "market-lake-github-${each.key}"
  assume_role_policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
}

output "ids" {
  description = "What AWS made up: it stays where nothing is made anew."
  value = merge(
    { provider = aws_iam_openid_connect_provider.github.id },
    { for key, role in aws_iam_role.github : key => role.unique_id },
  )
}
