// Karpenter with its AWS provider, on whatever EC2 its environment names. It ends when its standard input does, so
// that it never outlives the test that started it.
package main

import (
	"io"
	"os"

	"github.com/aws/karpenter-provider-aws/pkg/cloudprovider"
	ofaws "github.com/aws/karpenter-provider-aws/pkg/controllers"
	"github.com/aws/karpenter-provider-aws/pkg/operator"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	core "sigs.k8s.io/karpenter/pkg/operator"
)

func main() {
	go endWithInput()
	ctx, karpenter := operator.NewOperator(core.NewOperator())
	client := karpenter.GetClient()
	plain := cloudprovider.New(
		karpenter.InstanceTypesProvider, karpenter.InstanceProvider, karpenter.EventRecorder, client,
		karpenter.AMIProvider, karpenter.SecurityGroupProvider, karpenter.CapacityReservationProvider,
		karpenter.PlacementGroupProvider, karpenter.InstanceTypeStore, karpenter.CABundle,
	)
	priced := overlay.Decorate(plain, client, karpenter.InstanceTypeStore)
	ofCore := controllers.NewControllers(
		ctx, karpenter.Manager, karpenter.Clock, client, karpenter.EventRecorder, priced, plain,
		state.NewCluster(karpenter.Clock, client, priced), karpenter.InstanceTypeStore,
	)
	ofProvider := ofaws.NewControllers(
		ctx, karpenter.Manager, karpenter.Config, karpenter.Clock, karpenter.EC2API, client,
		karpenter.EventRecorder, karpenter.UnavailableOfferingsCache, karpenter.SSMCache,
		karpenter.ValidationCache, karpenter.RecreationCache, priced, karpenter.SubnetProvider,
		karpenter.SecurityGroupProvider, karpenter.InstanceProfileProvider, karpenter.InstanceProvider,
		karpenter.PricingProvider, karpenter.AMIProvider, karpenter.LaunchTemplateProvider,
		karpenter.VersionProvider, karpenter.InstanceTypesProvider, karpenter.CapacityReservationProvider,
		karpenter.PlacementGroupProvider, karpenter.AMIResolver, karpenter.ZonalShiftProvider,
		karpenter.InstanceStatusProvider, karpenter.CABundle,
	)
	karpenter.WithControllers(ctx, ofCore...).WithControllers(ctx, ofProvider...).Start(ctx)
}

// endWithInput ends the process when its standard input does: the other end is the test's alone.
func endWithInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
