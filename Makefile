# The two commands a newcomer needs, and what they are made of.

.PHONY: demo test setup models bench

demo: ## Hear a telephone conversation: no key, no account, no network once the models are here. INTERACTIVE=1 lets you type the caller.
	@bash scripts/demo.sh

test: ## Everything that CI runs.
	@bash scripts/test.sh

setup: ## Install what building and testing need (Debian packages, speech models).
	@bash scripts/setup.sh

models: setup ## Fetch the speech models.

bench: setup ## The figures of the README: frame path, turns, barge-in, start.
	@cargo run --release --quiet -p talia-voice -- bench
