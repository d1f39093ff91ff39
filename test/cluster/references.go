package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// foundAnnotation tells the stages that everything a pod refers to is really there.
const foundAnnotation = "test.lockstep.dev/references"

// watchReferences does what a kubelet does before it starts a container: it looks up the ConfigMaps and Secrets that
// the pod's environment needs. An absent one shows as CreateContainerConfigError and is looked for again.
func watchReferences(ctx context.Context, client *kubernetes.Clientset) {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](200*time.Millisecond, time.Second))
	defer queue.ShutDown()
	informer := informers.NewSharedInformerFactory(client, 0).Core().V1().Pods().Informer()
	enqueue := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok && waitsForReferences(pod) {
			queue.Add(pod.Namespace + "/" + pod.Name)
		}
	}
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: enqueue, UpdateFunc: func(_, now any) { enqueue(now) }})
	go informer.Run(ctx.Done())
	go func() { <-ctx.Done(); queue.ShutDown() }()
	for range 8 {
		go func() {
			for {
				key, stop := queue.Get()
				if stop {
					return
				}
				if item, found, _ := informer.GetStore().GetByKey(key); found && !lookUp(ctx, client, item.(*corev1.Pod)) {
					queue.AddRateLimited(key)
				} else {
					queue.Forget(key)
				}
				queue.Done(key)
			}
		}()
	}
	<-ctx.Done()
}

func waitsForReferences(pod *corev1.Pod) bool {
	return pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil && pod.Annotations[foundAnnotation] == "" && len(referencesOf(pod)) > 0
}

// lookUp answers whether the pod needs no further look.
func lookUp(ctx context.Context, client *kubernetes.Clientset, pod *corev1.Pod) bool {
	for _, reference := range referencesOf(pod) {
		problem, err := reference.problem(ctx, client, pod.Namespace)
		if err != nil {
			return false
		}
		if problem != "" {
			showProblem(ctx, client, pod, reference, problem)
			return false
		}
	}
	patch := []byte(fmt.Sprintf(`{"metadata":{"annotations":{%q:"found"}}}`, foundAnnotation))
	_, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err == nil || apierrors.IsNotFound(err)
}

func showProblem(ctx context.Context, client *kubernetes.Clientset, pod *corev1.Pod, reference reference, problem string) {
	reason := "CreateContainerConfigError"
	if reference.volume {
		reason, problem = "ContainerCreating", ""
	}
	statuses := []corev1.ContainerStatus{}
	for _, container := range pod.Spec.Containers {
		statuses = append(statuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: problem}},
		})
	}
	if len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].State.Waiting != nil &&
		pod.Status.ContainerStatuses[0].State.Waiting.Message == problem {
		return
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"phase": "Pending", "containerStatuses": statuses}})
	if err == nil {
		_, _ = client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	}
}

// reference is one ConfigMap or Secret, and a key of it, that a pod can't start without.
type reference struct {
	secret bool
	volume bool
	name   string
	key    string
}

func referencesOf(pod *corev1.Pod) []reference {
	found := []reference{}
	required := func(optional *bool) bool { return optional == nil || !*optional }
	for _, container := range append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...) {
		for _, source := range container.EnvFrom {
			if source.ConfigMapRef != nil && required(source.ConfigMapRef.Optional) {
				found = append(found, reference{name: source.ConfigMapRef.Name})
			}
			if source.SecretRef != nil && required(source.SecretRef.Optional) {
				found = append(found, reference{secret: true, name: source.SecretRef.Name})
			}
		}
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.ConfigMapKeyRef != nil && required(from.ConfigMapKeyRef.Optional) {
				found = append(found, reference{name: from.ConfigMapKeyRef.Name, key: from.ConfigMapKeyRef.Key})
			}
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil && required(from.SecretKeyRef.Optional) {
				found = append(found, reference{secret: true, name: from.SecretKeyRef.Name, key: from.SecretKeyRef.Key})
			}
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.ConfigMap != nil && required(volume.ConfigMap.Optional) {
			found = append(found, reference{volume: true, name: volume.ConfigMap.Name})
		}
		if volume.Secret != nil && required(volume.Secret.Optional) {
			found = append(found, reference{volume: true, secret: true, name: volume.Secret.SecretName})
		}
	}
	return found
}

// problem answers what a kubelet says when the reference can't be followed, or "" when it can.
func (r reference) problem(ctx context.Context, client *kubernetes.Clientset, namespace string) (string, error) {
	kind, keys, err := "configmap", map[string]bool{}, error(nil)
	if r.secret {
		kind = "secret"
		var secret *corev1.Secret
		if secret, err = client.CoreV1().Secrets(namespace).Get(ctx, r.name, metav1.GetOptions{}); err == nil {
			for key := range secret.Data {
				keys[key] = true
			}
		}
	} else {
		var configMap *corev1.ConfigMap
		if configMap, err = client.CoreV1().ConfigMaps(namespace).Get(ctx, r.name, metav1.GetOptions{}); err == nil {
			for key := range configMap.Data {
				keys[key] = true
			}
		}
	}
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("%s %q not found", kind, r.name), nil
	case err != nil:
		return "", err
	case r.key != "" && !keys[r.key]:
		// The kubelet writes the kind in capitals here, and only here.
		title := map[string]string{"configmap": "ConfigMap", "secret": "Secret"}[kind]
		return fmt.Sprintf("couldn't find key %s in %s %s/%s", r.key, title, namespace, r.name), nil
	}
	return "", nil
}
