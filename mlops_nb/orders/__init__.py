"""From what a user names to what a runner gets, an order for each kind of run.

assessment (an evaluation)  rollout (a deployment)  updating  watching (monitoring)  reproduction;
before them clearance (may this model be deployed?) and reach (what could a cluster not get at?);
below them terms (what all of them say alike).
"""
