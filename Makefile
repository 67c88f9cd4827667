# `make` alone lists the targets. Each one installs what it lacks; npm with Node.js 18 or newer has to be there
# before, and Go with a C compiler for `make lint`: the Node.js that the product and the tests run on comes as a package.

.DEFAULT_GOAL := help
.PHONY: help demo test proof e2e mutants coverage lint audit crds chart messages reasons manifests build image clean packages programs preflight

BIN := $(CURDIR)/node_modules/.bin
# For `make image`: the name of the image, what it is built with, and more flags of `docker build`.
export IMAGE NODE_IMAGE DOCKER_BUILD_FLAGS
# For `make proof`: the faults on a real API server, and how often each of them happens.
PROOF_FAULTS := $(addprefix test/integration/faults/,crash-at-step frozen-leader cut-answers refused-writes \
	broken-encryption wrong-clocks vanishing removed-crd removal-crash)
PROOF_REPETITIONS ?= 20
# Minutes of new simulations.
PROOF_MINUTES ?= 10
# What the installed packages came from: as long as it equals package-lock.json there is nothing to install.
INSTALLED := node_modules/.installed-lock.json

help: ## List the targets.
	@echo "usage: make <target>"
	@echo
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-9s %s\n", $$1, $$2 }'

demo: packages ## Show the product at work on a real Kubernetes API server, in about a minute.
	@npm run --silent demo

test: packages ## Run the unit tests, and the integration tests on a real Kubernetes API server.
	@PATH="$(BIN):$$PATH" vitest run $(VITEST_FLAGS)

proof: packages ## Prove more than `make test` has time for: new simulations, every planted bug, each real fault 20 times.
	@PATH="$(BIN):$$PATH"; export PATH; table=; code=0; \
	part() { \
		name=$$1; limit=$$2; shift 2; start=$$(date +%s); printf '\n== %s (at most %s)\n' "$$name" "$$limit"; \
		if timeout --signal=INT --kill-after=60 "$$limit" "$$@"; then result=ok; else result=FAILED; code=1; fi; \
		table="$$table$$(printf '  %-14s %-7s %4d s' "$$name" "$$result" $$(( $$(date +%s) - start )))\n"; \
	}; \
	part simulation 15m node test/simulation/simulate.ts --minutes $(PROOF_MINUTES) --from "$$(date +%s)"; \
	part "planted bugs" 10m node test/simulation/planted/plant.ts; \
	part "real faults" 120m vitest run --project integration --repeats=$$(($(PROOF_REPETITIONS) - 1)) $(PROOF_FAULTS); \
	printf "\n$$table"; exit $$code

mutants: packages ## Make small changes to the core, one at a time, that its unit tests must notice (at most 20 minutes).
	@PATH="$(BIN):$$PATH" node test/mutants/mutate.ts

e2e: packages ## Run the operator's life in a real cluster: the one in E2E_KUBECONFIG, else a node of its own (Linux, root).
	@PATH="$(BIN):$$PATH" vitest run --config vitest.e2e.config.ts

coverage: packages ## Run the unit tests and print how much of both clients and the controllers they cover; less than before fails.
	@npm run --silent coverage

lint: packages ## Check types, style, formatting and prose, and that the generated files are current.
	@echo "checking types …" && npm run --silent types
	@echo "checking style and formatting …" && npm run --silent lint
	@echo "checking prose …" && "$(BIN)/node" test/prose/prose.ts
	@echo "checking that crds/, the chart and docs/messages.md are current …"; \
	sums() { find crds deploy/charts docs/messages.md -type f -exec cksum {} + | sort; }; \
	before=$$(sums); \
	$(MAKE) --no-print-directory chart messages >/dev/null || exit 1; \
	if [ "$$before" != "$$(sums)" ]; then \
		echo "crds/, deploy/charts or docs/messages.md was out of date and has been generated anew: commit it." >&2; exit 1; \
	fi

audit: packages ## Ask the package registry for known vulnerabilities of the packages; no answer is a failure too.
	@"$(BIN)/node" deploy/audit.ts

crds: packages ## Generate the CustomResourceDefinitions in crds/ from the schemas in src/api.
	@PATH="$(BIN):$$PATH" node src/api/generate-crds.ts

messages: packages ## Generate docs/messages.md: every condition message, Event, flag and metric, from the code.
	@PATH="$(BIN):$$PATH" node deploy/generate/messages/messages.ts

reasons: packages ## Bring into docs/troubleshooting.md what kubectl says for each reason, from real runs (two and a half minutes).
	@PATH="$(BIN):$$PATH" UPDATE_TROUBLESHOOTING=1 vitest run --project integration test/integration/operator/troubleshooting

chart: crds ## Bring into the chart what comes from elsewhere: definitions, roles, version, the table of its values.
	@PATH="$(BIN):$$PATH" node deploy/generate/chart.ts

manifests: chart messages ## Render the chart into deploy/atlas-cert-operator.yaml and the kustomize base. Builds Helm where there is none.
	@PATH="$(BIN):$$PATH" node deploy/generate/manifests.ts

build: packages ## Bundle the operator and the library into dist/.
	@npm run --silent build

image: packages ## Build the image with Docker, and its bill of materials (CycloneDX) in dist/.
	@PATH="$(BIN):$$PATH" node deploy/image/make.ts

clean: ## Remove what the build and the tests made; packages and the cached control plane stay.
	@rm -rf dist coverage

# Minutes of compiling, where they are not in the cache: beside the tests, these would wait for the processor.
programs: packages
	@"$(BIN)/node" test/chart/programs.ts

packages: preflight
	@if ! cmp -s package-lock.json $(INSTALLED); then \
		echo "installing packages (npm ci) …"; \
		start=$$(date +%s); \
		while sleep 10 >/dev/null 2>&1; do \
			echo "installing packages (npm ci) … $$(( $$(date +%s) - start )) s so far"; \
		done & beat=$$!; \
		npm ci --no-audit --no-fund --loglevel=error </dev/null; code=$$?; \
		kill $$beat; [ $$code = 0 ] || exit 1; \
		cp package-lock.json $(INSTALLED) || exit 1; \
		echo "installing packages (npm ci) … $$(( $$(date +%s) - start )) s"; \
	fi
	@"$(BIN)/node" -e 'process.exit(Number(process.versions.node.split(".")[0]) < 24 ? 1 : 0)' || { \
		echo "The Node.js in node_modules doesn't run or is older than 24: run \"rm -rf node_modules\" and make again." >&2; \
		exit 1; \
	}

preflight:
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "Node.js with npm is missing: install Node.js 24 (https://nodejs.org) and run make again." >&2; \
		exit 1; \
	}
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' || { \
		echo "Node.js $$(node --version) is too old for npm's packages: install Node.js 24 (https://nodejs.org)." >&2; \
		exit 1; \
	}
