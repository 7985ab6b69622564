# `make` alone says what there is. Everything happens in .venv, which is made on first use.

PYTHON ?= python3 python3.13 python3.12 python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# For the lock alone: 2.21 holds h5py below 3.15, and uv would rather keep h5py and step back to 2.20.
LOCK_ONLY := tensorflow>=2.21
# Every extra but `scale`, which only who has a million photos installs.
LOCKED_EXTRAS := $(addprefix --extra ,lab app classroom site dev)
UV_COMPILE := uv pip compile pyproject.toml $(LOCKED_EXTRAS) --universal --python-version 3.11 \
	--fork-strategy fewest --upgrade --no-header --no-annotate --no-emit-package httpx2-jsfetch --quiet

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONUTF8 := 1

.PHONY: help course test test-all lab notebooks assignments weights made-faces made-weights results studies site badges colab wheel lock clean

help:
	@echo "Reading faces. Two commands are enough:"
	@echo "  make course       set everything up, run every lesson, leave notebooks and pages in build/"
	@echo "  make test         check everything: lint, unit tests, every notebook"
	@echo "More:"
	@echo "  make test-all     the long tests of whole systems: classroom, wheel, site, browser, lessons on real faces"
	@echo "  make lab          open the lessons in JupyterLab"
	@echo "  make notebooks    rebuild notebooks/*.ipynb from notebooks/source/*.py"
	@echo "  make assignments  derive nbgrader assignments into build/assignments/"
	@echo "  make weights      train the shipped models again (long; needs the real data sets)"
	@echo "  make made-faces   draw the made faces that ship again, into data/made_faces.npz"
	@echo "  make made-weights train the models that see made faces only again (long; needs no data)"
	@echo "  make results      measure the shipped models again on real data, into data/results/"
	@echo "  make studies      train the networks that lessons compare again, into data/results/ (long)"
	@echo "  make site         build the course as a static site into build/site/"
	@echo "  make badges REPO=owner/name   lead the lessons' badges to a fork"
	@echo "  make colab        run lessons 00, 03, 06 and 07 as Colab would, in build/colab/ (needs the network)"
	@echo "  make wheel        build the installable package into dist/"
	@echo "  make lock         renew requirements.lock (needs the network)"
	@echo "  make clean        remove build/, dist/ and .venv/"
	@echo "Needs Python 3.11, 3.12 or 3.13; name one with: make course PYTHON=/path/to/python3.12"

# Done again only when the lock or the package's own description changes; after that no network is needed.
$(READY): requirements.lock pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
	  for python in $(PYTHON); do \
	    if "$$python" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	      2>/dev/null; then found="$$python"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "No Python 3.11, 3.12 or 3.13 with venv among: $(PYTHON)"; \
	    echo "Install one (on Debian and Ubuntu also the package python3-venv), or name it:"; \
	    echo "  make course PYTHON=/path/to/python3.12"; exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$("$$found" --version). Your own Python stays as it is."; \
	  "$$found" -m venv $(VENV); \
	fi
	@echo "Installing the exact versions of requirements.lock (about 1 GB to fetch, 3 GB on disk, only this once)."
	@$(BIN)/python -m pip install --quiet --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c "import cv2" || { \
	  echo "OpenCV cannot start: this machine lacks the system library that the line above names."; \
	  echo "On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0, then run make again."; exit 1; }
	@touch $@

course: $(READY)
	@echo "Running the lessons in order, on the data that ships with the course. No network is used."
	@$(BIN)/python notebooks/build.py course

# Test files are shared out among this many processes; each needs about 2 GB.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --quiet -n $(WORKERS) --dist loadfile
# One thread a process, since the processes share the cores already.
ONE_THREAD := TF_NUM_INTRAOP_THREADS=1 OMP_NUM_THREADS=1

# Each step runs even if one before it failed, and the last line says which did.
test: $(READY)
	@failed=""; \
	echo "1 of 3 · Lint: is the code clean and formatted, and do imports go one way?"; \
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports || failed="$$failed lint"; \
	echo "2 of 3 · Unit tests: does each part do what it says?"; \
	$(ONE_THREAD) $(PYTEST) -m "not whole" || failed="$$failed unit-tests"; \
	echo "3 of 3 · Notebooks: does every cell run, and do the checked results still hold?"; \
	$(PYTEST) --nbval-lax --nbval-current-env --nbval-cell-timeout=180 \
	  notebooks/*.ipynb || failed="$$failed notebooks"; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed"; exit 1; fi; echo "All three passed."

test-all: $(READY)
	@echo "The tests of whole systems, which make test leaves out. What this machine lacks is skipped, and named."
	@$(ONE_THREAD) $(PYTEST) -m whole

lab: $(READY)
	@echo "Opening the lessons in JupyterLab; stop it with Ctrl-C."
	@$(BIN)/jupytext --quiet --to ipynb --set-kernel python3 --output notebooks/contents.ipynb \
	  notebooks/README.md
	@$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks/contents.ipynb

notebooks: $(READY)
	@echo "Building and running notebooks/*.ipynb from notebooks/source/*.py."
	@$(BIN)/python notebooks/build.py notebooks

assignments: $(READY)
	@echo "Deriving the assignments: solutions become stubs, checkers become tests."
	@$(BIN)/python notebooks/build.py assignments

# Weights and card are put in place together, the card with the weights' SHA-256.
TRAIN := --profile full --resume --copy-to data/weights

weights: $(READY)
	@echo "Training the shipped models with the full profile: long, and it needs the real data sets (data/README.md)."
	@echo "An interrupted run goes on where it stopped. data/weights/ changes only when a model is done."
	@$(BIN)/python -m reading_faces train keypoints $(TRAIN) --out build/weights/keypoints
	@$(BIN)/python -m reading_faces train emotion $(TRAIN) --out build/weights/emotion
	@$(BIN)/python -m reading_faces train action-units $(TRAIN) --out build/weights/action_units
	@$(BIN)/python -m reading_faces train embedding $(TRAIN) --out build/weights/embedding

made-faces: $(READY)
	@echo "Drawing the made faces that ship: the same ones again, unless the renderer has changed."
	@$(BIN)/python -m reading_faces data make --out data/made_faces.npz

# Other people than those that ship (another seed), and more of them.
MADE := build/weights/made
MADE_TRAIN := --profile full --resume --copy-to data/weights/made --source $(MADE)/faces.npz

made-weights: $(READY)
	@echo "Drawing faces and training on nothing else: about four hours, and it needs no data set."
	@[ -e $(MADE)/faces.npz ] || $(BIN)/python -m reading_faces data make --n 8000 --seed 1 --out $(MADE)/faces.npz
	@$(BIN)/python -m reading_faces train keypoints $(MADE_TRAIN) --model small --out $(MADE)/keypoints
	@$(BIN)/python -m reading_faces train emotion $(MADE_TRAIN) --model keypoints --out $(MADE)/emotion \
	  --init $(MADE)/keypoints/keypoints.weights.h5
	@$(BIN)/python -m reading_faces train action-units --profile full --resume --source made \
	  --copy-to data/weights/made --out $(MADE)/action_units

# What docs/results.md quotes, as task:source:split:options; each result is stored as `evaluate`
# prints it, or not at all. `make results RESULTS=keypoints:made:test REVIEWS=` measures one.
RESULTS := keypoints:facial-keypoints:test keypoints:facial-keypoints:test:tta \
	keypoints:facial-keypoints:test:jitter=0.15 keypoints:made:test \
	keypoints:youtube-faces:test keypoints:youtube-faces:test:tta \
	keypoints:facial-keypoints:test:in-photos emotion:fer2013:public:in-photos \
	emotion:fer2013:public emotion:fer2013:public:tta emotion:ckplus:all \
	emotion:ckplus:all:folds=5 emotion:ckplus:all:folds=5+tta emotion:ckplus:all:folds=5+every-class \
	emotion:ckplus:all:folds=5+scratch \
	action-units:made:test action-units:made:test:tta action-units:ckplus-action-units:all:folds=5 \
	action-units:ckplus:all:weights=data/weights/made/action_units.weights.h5 \
	identity:five-celebrities/facenet_embeddings_train.npz:all identity:five-celebrities:train:folds=5 \
	identity:orl:test:enroll=1 identity:five-celebrities:train:unknown=photos/strangers \
	identity:lfw:test:pairs identity:celeba:test:pairs identity:youtube-faces:test:pairs \
	identity:made:all:pairs identity:made:all:enroll=1 identity:made:all:enroll=10
# What `data` finds in whole sets, as name:words of the command.
REVIEWS := fer2013-review:review:fer2013 kaggle-gaps:review:facial-keypoints realism:realism

results: $(READY)
	@echo "Measuring the shipped models on the real data sets; needs them in place (data/README.md)."
	@mkdir -p build data/results
	@for row in $(RESULTS); do \
	  name=$$(echo $$row | sed 's/:weights=.*//' | tr ':=+/' '-'); set -- $$(echo $$row | tr : ' '); echo "  $$name"; \
	  $(BIN)/python -m reading_faces evaluate $$1 --source $$2 --split $$3 $$(echo $${4:+--$$4} | sed 's/=/ /; s/+/ --/') --json \
	    > build/result.json && mv build/result.json data/results/$$name.json || exit 1; \
	done
	@for row in $(REVIEWS); do \
	  set -- $$(echo $$row | tr : ' '); name=$$1; shift; echo "  $$name"; \
	  $(BIN)/python -m reading_faces data "$$@" --json \
	    > build/result.json && mv build/result.json data/results/$$name.json || exit 1; \
	done

# What lessons and docs/results.md quote, too long to train in a lesson; a study that was cut goes on where it stopped.
STUDIES := depth emotion-models emotion-craft four-layers deep-network deep-all-faces deep-full-width ckplus-splits five-classes resnet50

studies: $(READY)
	@echo "Training the networks that are compared: about seven hours and a half, and it needs the real faces."
	@mkdir -p build data/results
	@for study in $(STUDIES); do \
	  $(BIN)/python -m reading_faces study $$study --out build/studies/$$study --json > build/result.json \
	  && mv build/result.json data/results/study-$$study.json || exit 1; \
	done

site: $(READY)
	@echo "Building the site from the executed notebooks; nothing runs again, nothing is fetched."
	@$(BIN)/python docs/build_site.py

badges: $(READY)
	@[ -n "$(REPO)" ] || { echo "Say where to: make badges REPO=owner/name"; exit 2; }
	@$(BIN)/python notebooks/build.py badges $(REPO)

# What Colab finds: its own packages, an empty folder, no course. COURSE_URL, where the lessons' set-up
# cell fetches the course, leads to this clone; it may name a wheel: make colab COURSE_URL=/folder/of/a.whl
COLAB := build/colab
COLAB_PYTHON ?= python3.13
COLAB_LESSONS := 00 03 06 07
COURSE_URL ?= git+file://$(CURDIR)

colab:
	@echo "Running lessons $(COLAB_LESSONS) as Colab would; their code is $(COURSE_URL)."
	@rm -rf $(COLAB) && $(COLAB_PYTHON) -m venv $(COLAB)/env
	@$(COLAB)/env/bin/python -m pip install --quiet --requirement notebooks/colab.txt
	@$(COLAB)/env/bin/python -m pip freeze > $(COLAB)/before.txt
	@for lesson in $(COLAB_LESSONS:%=notebooks/%_*.ipynb); do \
	  $(COLAB)/env/bin/python -m pip uninstall --quiet --yes reading-faces; \
	  name=$$(basename $$lesson); folder=$(COLAB)/$${name%.ipynb}; mkdir $$folder; \
	  cp $$lesson $$folder; echo "  $$name"; \
	  (cd $$folder && env -u COURSE_DATA COURSE_URL="$(COURSE_URL)" PYDEVD_DISABLE_FILE_VALIDATION=1 \
	    ../env/bin/jupyter execute --inplace $$name) || exit 1; \
	done
	@$(COLAB)/env/bin/python -m pip freeze > $(COLAB)/after.txt
	@diff $(COLAB)/before.txt $(COLAB)/after.txt | sed -n 's/^>/  added:/p'
	@if diff $(COLAB)/before.txt $(COLAB)/after.txt | grep '^<'; then \
	  echo "Installing the course moved these packages of Colab's."; exit 1; fi
	@echo "All ran, and no package of Colab's was moved."

wheel: $(READY)
	@echo "Building the wheel, with the weights inside, into dist/."
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

lock: $(READY)
	@echo "Looking for the newest versions that fit pyproject.toml together, on every platform."
	@mkdir -p build && echo "$(LOCK_ONLY)" > build/lock-only.txt
	@$(BIN)/$(UV_COMPILE) --constraint build/lock-only.txt --output-file build/lock.txt > build/lock.log
	@{ sed -n '/^[^#]/q;p' requirements.lock; cat build/lock.txt; } > build/requirements.lock
	@mv build/requirements.lock requirements.lock
	@echo "Wrote requirements.lock. Now run: make test"

clean:
	@echo "Removing build/, dist/ and $(VENV)/. Lessons, data and weights stay."
	@rm -rf build dist $(VENV) notebooks/contents.ipynb
