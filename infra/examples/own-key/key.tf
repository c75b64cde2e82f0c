# The key, which costs 1 USD a month: who may not use it reads nothing of the lake, whatever else he may do.
# The roles of the lake use it through S3 alone.
#
# GitHub's roles may use a key for the lake and not make or change one. Where GitHub deploys, a key that is
# there already takes the place of this file: `kms_key_arn = "arn:aws:kms:…"` in main.tf.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: a key's policy says who may manage the key itself: its account
  # checkov:skip=CKV_AWS_111: as above
  # checkov:skip=CKV_AWS_356: in a key's policy `*` is the key
  statement {
    sid       = "TheAccountManagesIt"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.this.partition}:iam::${data.aws_caller_identity.this.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "lake" {
  description         = "market-lake: what lies in the lake"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}
