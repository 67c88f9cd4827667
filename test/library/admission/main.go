// Program admission evaluates ValidatingAdmissionPolicies with the code of the oldest Kubernetes version that has them. It
// reads a policy and requests as one JSON document from its input and prints, for each request, the messages of the
// validations that refuse it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	registration "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugin "k8s.io/apiserver/pkg/admission/plugin/cel"
	limits "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/cel/environment"
)

type question struct {
	Policy   registration.ValidatingAdmissionPolicy `json:"policy"`
	Requests []request                              `json:"requests"`
}

type request struct {
	Username  string         `json:"username"`
	Object    map[string]any `json:"object"`
	OldObject map[string]any `json:"oldObject"`
}

// expression is an expression of a policy, as the API server hands it to the compiler.
type expression struct {
	name, text string
	returns    []*cel.Type
}

func (e expression) GetExpression() string    { return e.text }
func (e expression) GetName() string          { return e.name }
func (e expression) ReturnTypes() []*cel.Type { return e.returns }

func main() {
	if err := answer(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	judge, err := compile(asked.Policy.Spec)
	if err != nil {
		return err
	}
	refusals := make([][]string, len(asked.Requests))
	for index, one := range asked.Requests {
		if refusals[index], err = judge(one); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(refusals)
}

// compile checks the policy as the API server does when it is created.
func compile(spec registration.ValidatingAdmissionPolicySpec) (func(request) ([]string, error), error) {
	environments := environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion(), true)
	compiler, err := plugin.NewCompositedCompiler(environments)
	if err != nil {
		return nil, err
	}
	options := plugin.OptionalVariableDeclarations{HasAuthorizer: true, StrictCost: true}
	conditions := make([]plugin.ExpressionAccessor, len(spec.MatchConditions))
	for index, one := range spec.MatchConditions {
		conditions[index] = expression{one.Name, one.Expression, []*cel.Type{cel.BoolType}}
	}
	matcher := plugin.NewFilterCompiler(environments).Compile(conditions, options, environment.NewExpressions)
	var problems []error
	for _, one := range spec.Variables {
		variable := expression{one.Name, one.Expression, []*cel.Type{cel.AnyType, cel.DynType}}
		if result := compiler.CompileAndStoreVariable(variable, options, environment.NewExpressions); result.Error != nil {
			problems = append(problems, result.Error)
		}
	}
	validations := make([]plugin.ExpressionAccessor, len(spec.Validations))
	for index, one := range spec.Validations {
		validations[index] = expression{one.Message, one.Expression, []*cel.Type{cel.BoolType}}
	}
	validator := compiler.Compile(validations, options, environment.NewExpressions)
	problems = append(append(problems, matcher.CompilationErrors()...), validator.CompilationErrors()...)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return func(one request) ([]string, error) {
		isMatched, err := failed(matcher, one)
		if err != nil || len(isMatched) > 0 {
			return []string{}, err
		}
		return failed(validator, one)
	}, nil
}

// failed gives the names of the expressions that are not true.
func failed(filter plugin.Filter, one request) ([]string, error) {
	kind := schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
	resource := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	object, old := &unstructured.Unstructured{Object: one.Object}, runtime.Object(nil)
	operation := admission.Create
	if one.OldObject != nil {
		operation, old = admission.Update, &unstructured.Unstructured{Object: one.OldObject}
	}
	attributes := admission.NewAttributesRecord(
		object, old, kind, object.GetNamespace(), object.GetName(), resource, "", operation, nil, false,
		&user.DefaultInfo{Name: one.Username},
	)
	versioned := &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: kind, VersionedObject: object, VersionedOldObject: old,
	}
	asked := plugin.CreateAdmissionRequest(
		attributes,
		metav1.GroupVersionResource(resource),
		metav1.GroupVersionKind(kind),
	)
	results, _, err := filter.ForInput(
		context.Background(), versioned, asked, plugin.OptionalVariableBindings{}, nil, limits.RuntimeCELCostBudget,
	)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, result := range results {
		if result.Error != nil {
			return nil, result.Error
		}
		if result.EvalResult != types.True {
			names = append(names, result.ExpressionAccessor.(plugin.NamedExpressionAccessor).GetName())
		}
	}
	return names, nil
}
